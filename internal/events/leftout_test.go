package events

import (
	"slices"
	"testing"
)

// Every event type of Stripe is handled or left out for a reason: a type that Stripe adds fails here until it is a choice.
func TestEveryTypeOfStripeIsHandledOrLeftOut(t *testing.T) {
	known := stripeTypes
	if len(known) < 200 {
		t.Fatalf("stripe_types.txt has %d types", len(known))
	}
	used := map[string]bool{}
	for _, name := range known {
		why := ""
		_, handled := Lookup(name)
		for _, group := range LeftOutTypes() {
			for _, entry := range group.Types {
				if !handled && covers(entry, name) {
					used[entry], why = true, group.Why
				}
			}
		}
		if !handled && why == "" {
			t.Errorf("%s is neither handled nor left out: give it a file, or a reason in leftout.go", name)
		}
	}
	for _, group := range LeftOutTypes() {
		if group.Why == "" {
			t.Errorf("%v are left out without a reason", group.Types)
		}
		for _, entry := range group.Types {
			if !used[entry] {
				t.Errorf("%s is left out, but Stripe has no such type that is not handled", entry)
			}
		}
	}
}

// Each type of the catalogue is one that Stripe sends.
func TestEveryHandledTypeIsOneOfStripe(t *testing.T) {
	known := stripeTypes
	for _, name := range handled {
		if name != "setup_intent.failed" && !slices.Contains(known, name) { // which stands for setup_intent.setup_failed
			t.Errorf("stripe-go knows no type %s", name)
		}
	}
}
