package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoicePaymentActionRequired(t *testing.T) {
	asked := func(reported string, attempt int32) v1alpha1.SubscriptionStatus {
		return v1alpha1.SubscriptionStatus{
			ActionRequired: &v1alpha1.ActionRequired{At: *at(reported), InvoiceID: invoiceID, AttemptCount: attempt},
		}
	}
	testType(t, "invoice.payment_action_required", showsInvoice, map[string]eventCase{
		"2022-third-attempt": {
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2022", func(i *v1alpha1.Invoice) {
						i.AmountPaid, i.AmountRemaining, i.AttemptCount, i.NextPaymentAttempt = 400, 1500, 3, at("2022-10-15")
					}),
					Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: asked("2022-10-08T11:01:02Z", 3),
		},
		"2026-last-attempt": {
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2026", func(i *v1alpha1.Invoice) { i.AttemptCount = 4 }), Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: asked("2026-10-15T11:01:02Z", 4),
		},
	})
}
