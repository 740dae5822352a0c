package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// A dispute names no customer: it is folded into the customer of its charge or payment intent.
func TestChargeDisputeCreated(t *testing.T) {
	opened := func(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
		c.OpenDisputes = []v1alpha1.Dispute{{ID: e.ObjectID, ChargeID: chargeID, PaymentIntentID: e.PaymentIntentID, DisputeRecord: *e.Dispute}}
	}
	testType(t, "charge.dispute.created", opened, map[string]eventCase{
		"2017-names-charge": {event: projection.Event{ChargeID: chargeID, Dispute: &v1alpha1.DisputeRecord{
			Reason: "fraudulent", Status: "needs_response", Amount: 1900, Currency: "eur",
			EvidenceDueBy: at("2017-10-16T09:59:59Z"), Created: at("2017-10-02"),
		}}},
		"2023-expanded": { // the customer of the expanded charge is not used
			event: projection.Event{ChargeID: chargeID, PaymentIntentID: intentID, Dispute: &v1alpha1.DisputeRecord{
				Reason: "fraudulent", Status: "needs_response", Amount: 1900, Currency: "eur",
				EvidenceDueBy: at("2023-12-16T09:59:59Z"), Created: at("2023-12-02"),
			}},
		},
		"2026-inquiry": {event: projection.Event{ChargeID: chargeID, PaymentIntentID: intentID, Dispute: &v1alpha1.DisputeRecord{
			Reason: "product_not_received", Status: "warning_needs_response", Amount: 1900, Currency: "eur", Created: at("2026-10-02"),
		}}},
	})
	if disputed, _ := Lookup("charge.dispute.created"); !disputed.ByPayment {
		t.Error("a dispute must be found by its payment")
	}
}
