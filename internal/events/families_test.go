package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Every customer.subscription.* carries a whole state and sets it, also types that have no entry in the catalogue.
func TestOtherSubscriptionEventsSetTheState(t *testing.T) {
	body := string(payload(t, "customer.subscription.updated", "2026-unpaid"))
	for _, name := range []string{
		"customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.pending_update_applied",
		"customer.subscription.pending_update_expired", "customer.subscription.of_the_future",
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

// An invoice that is voided or given up shows so, even if the endpoint receives no invoice.updated.
func TestOtherInvoiceEventsShowTheInvoice(t *testing.T) {
	body := string(payload(t, "invoice.updated", payloads(t, "invoice.updated")[0]))
	for name, handled := range map[string]bool{
		"invoice.voided": true, "invoice.marked_uncollectible": true, "invoice.overdue": true, "invoice.upcoming": false,
	} {
		e, err := decoder.Decode([]byte(strings.Replace(body, `"invoice.updated"`, `"`+name+`"`, 1)))
		if err != nil || e.DecodeError != "" || e.Type != name {
			t.Fatal(e, err)
		}
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{Change(e)})
		if got := a.Customer.LatestInvoice; handled != (got != nil && got.ID == e.Invoice.ID) {
			t.Errorf("%s: the latest invoice is %+v", name, got)
		}
	}
}

// A card that the bank has replaced is known with its new expiry: its customer is not warned.
func TestPaymentMethodEvents(t *testing.T) {
	const body = `{"id": "evt_1", "object": "event", "type": %q, "created": 1795868762, "api_version": "2026-03-25.dahlia", "data": {"object":
		{"id": "pm_1TollKiteMethod", "object": "payment_method", "customer": "cus_TollKite01", "type": "card",
		"card": {"brand": "visa", "last4": "4242", "exp_month": 11, "exp_year": 2030}}}}`
	want := v1alpha1.PaymentMethod{ID: methodID, Kind: "card", Brand: "visa", Last4: "4242", ExpMonth: 11, ExpYear: 2030}
	for name, handled := range map[string]bool{
		"payment_method.attached": true, "payment_method.updated": true, "payment_method.automatically_updated": true,
		"payment_method.detached": false,
	} {
		e, err := decoder.Decode(fmt.Appendf(nil, body, name))
		if err != nil || e.DecodeError != "" {
			t.Fatal(e, err)
		}
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{Change(e)})
		if got := a.Customer.PaymentMethods; handled != (len(got) == 1 && got[0] == want) {
			t.Errorf("%s: the payment methods are %+v", name, got)
		}
	}
}
