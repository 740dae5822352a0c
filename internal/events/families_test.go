package events

import (
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Every customer.subscription.* carries a whole state and sets it, also types that have no entry in the catalogue.
func TestOtherSubscriptionEventsSetTheState(t *testing.T) {
	body := string(payload(t, "customer.subscription.updated", "2026-unpaid"))
	for _, name := range []string{
		"customer.subscription.canceled_of_the_future", "customer.subscription.of_the_future",
	} {
		t.Run(name, func(t *testing.T) {
			e, err := decoder.Decode([]byte(strings.Replace(body, `"customer.subscription.updated"`, `"`+name+`"`, 1)))
			if err != nil || e.DecodeError != "" || e.Type != name {
				t.Fatal(e, err)
			}
			var a projection.Aggregate
			if outcomes, _ := projection.Fold(&a, []projection.Change{Change(e)}); outcomes[0] != "Applied" {
				t.Errorf("the outcome is %s", outcomes[0])
			}
			if got := a.Subscriptions[subscriptionID].Status; got != "unpaid" {
				t.Errorf("the status is %q, want unpaid", got)
			}
			if got := Label(name); got != "other" {
				t.Errorf("its metric label is %q: a sender could create label values", got)
			}
		})
	}
	if _, handled := Lookup("customer.subscriptions.updated"); handled {
		t.Error("a type that only resembles one is handled")
	}
}

// An invoice event without an entry of its own shows the invoice.
func TestOtherInvoiceEventsShowTheInvoice(t *testing.T) {
	body := string(payload(t, "invoice.updated", payloads(t, "invoice.updated")[0]))
	for _, name := range []string{"invoice.will_be_due", "invoice.sent", "invoice.overpaid", "invoice.of_the_future"} {
		e, err := decoder.Decode([]byte(strings.Replace(body, `"invoice.updated"`, `"`+name+`"`, 1)))
		if err != nil || e.DecodeError != "" || e.Type != name {
			t.Fatal(e, err)
		}
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{Change(e)})
		if got := a.Customer.LatestInvoice; got == nil || got.ID != e.Invoice.ID {
			t.Errorf("%s: the latest invoice is %+v", name, got)
		}
	}
}
