package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentMethodDetached(t *testing.T) {
	testType(t, "payment_method.detached", showsNothing, map[string]eventCase{
		"2019-card": detached(*mastercard()),
		"2026-card": detached(*mastercard()),
		"2026-account-only": { // Accounts v2: the customer is an Account
			event: with(detached(*mastercard()).event, func(e *projection.Event) {
				e.CustomerID, e.CustomerAccount = "", "acct_1TollKiteCustomer"
			}),
			customer: v1alpha1.CustomerStatus{CustomerAccount: "acct_1TollKiteCustomer"},
		},
	})
}

// detached is an event that takes the payment method away. Its customer is named as the previous one only.
func detached(method v1alpha1.PaymentMethod) eventCase {
	return eventCase{event: projection.Event{
		CustomerID: customerID, PaymentMethod: &v1alpha1.PaymentMethodRecord{PaymentMethod: method, Detached: true},
	}}
}

// A payment method that was taken away shows no more, in any order of events. Another one that comes takes its place.
func TestADetachedMethodIsGone(t *testing.T) {
	var changes []projection.Change
	for _, of := range [][2]string{
		{"payment_method.attached", "2026-card"}, {"payment_method.updated", "2026-expiry"}, {"charge.succeeded", "2026-sepa-debit"},
		{"payment_method.detached", "2026-card"}, {"customer.source.created", "2026-sepa-source"},
	} {
		e, err := decoder.Decode(payload(t, of[0], of[1]))
		if err != nil {
			t.Fatal(err)
		}
		e.Created = *at("2026-09-01") // also within one second
		changes = append(changes, Change(e))
	}
	for i := range changes {
		var a projection.Aggregate
		for j := range changes {
			projection.Fold(&a, []projection.Change{changes[(i+j)%len(changes)]})
		}
		if got := a.Customer.PaymentMethods; len(got) != 1 || got[0].ID != "src_1TollKiteSepa" {
			t.Errorf("beginning with %s the payment methods are %+v, want the new one only", changes[i].Event.Type, got)
		}
	}
}
