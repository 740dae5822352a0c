package projection_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// A field that could not be read is not known, and is a doubt: a reading of the object clears it.
func TestAnUnreadableFieldIsADoubt(t *testing.T) {
	whole, named := sub("active"), Customer(customer, "a@example.com", "Ada")
	a := &projection.Aggregate{}
	projection.Fold(a, []projection.Change{
		change(t, at(0, "customer.created", named)),
		change(t, at(0, "customer.subscription.created", whole)),
		change(t, at(time.Second, "customer.updated", named.With("email", 7)).As("evt_email")),
		change(t, at(time.Second, "customer.subscription.updated", whole.With("trial_end", "soon")).As("evt_trial")),
	})
	if diff := cmp.Diff([]string{"email"}, a.Customer.UnreadableFields); diff != "" {
		t.Errorf("fields of the customer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"trial_end"}, a.Subscriptions["sub_A"].UnreadableFields); diff != "" {
		t.Errorf("fields of the subscription (-want +got):\n%s", diff)
	}
	doubts := projection.InDoubt(a, customer)
	if doubts[customer].EventID != "evt_email" || doubts["sub_A"].EventID != "evt_trial" {
		t.Errorf("in doubt: %v, want both", doubts)
	}

	asked := a.DeepCopy() // the form that could not be read is Stripe's: a reading has it too, and changes nothing
	for _, object := range []Object{named.With("email", 7), whole.With("trial_end", "soon")} {
		if d := projection.Read(asked, readingOf(t, object, begin.Add(time.Minute))); differs(d) {
			t.Errorf("a reading with the same unreadable field differs: %+v", d)
		}
	}
	for _, object := range []Object{named, whole} {
		if d := projection.Read(a, readingOf(t, object, begin.Add(time.Minute))); len(d.Repaired) == 0 {
			t.Errorf("a whole reading repairs nothing: %+v", d)
		}
	}
	if doubts := projection.InDoubt(a, customer); len(doubts) > 0 || a.Customer.Email != "a@example.com" {
		t.Errorf("after the readings: %q, in doubt: %v", a.Customer.Email, doubts)
	}
	next := at(time.Hour, "customer.subscription.updated", sub("past_due"))
	next.Previous = Object{"status": "active"}
	projection.Fold(a, []projection.Change{change(t, next)})
	if doubts := projection.InDoubt(a, customer); len(doubts) > 0 {
		t.Errorf("the next event leaves a doubt: %v", doubts)
	}
}

// An event after a state that could not be read whole is not taken for one that follows a missing event.
func TestNoGapAfterAnUnreadableState(t *testing.T) {
	spoiled := sub("active").With("trial_end", "soon")
	next := at(time.Hour, "customer.subscription.updated", sub("past_due"))
	next.Previous = Object{"status": "active", "trial_end": "soon"}
	later := at(2*time.Hour, "customer.subscription.updated", sub("active"))
	later.Previous = Object{"status": "past_due"}
	a := &projection.Aggregate{}
	projection.Fold(a, []projection.Change{
		change(t, at(0, "customer.subscription.created", spoiled)), change(t, next), change(t, later),
	})
	if doubts := projection.InDoubt(a, customer); len(doubts) > 0 {
		t.Errorf("in doubt: %v", doubts)
	}
}
