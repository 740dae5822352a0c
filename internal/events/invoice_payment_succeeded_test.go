package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoicePaymentSucceeded(t *testing.T) {
	paid := func(when *string) func(*v1alpha1.Invoice) {
		return func(i *v1alpha1.Invoice) {
			i.Status, i.AmountPaid, i.AmountRemaining, i.AttemptCount = "paid", 1900, 0, 1
			if when != nil {
				i.PaidAt = at(*when)
			}
		}
	}
	testType(t, "invoice.payment_succeeded", showsInvoice, map[string]eventCase{
		"2017-flag": {
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID,
				Invoice: &v1alpha1.InvoiceRecord{Invoice: openInvoice("2017", paid(nil))},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2017-11-01"), LastPaidAt: at("2017-10-01T11:01:02Z")},
		},
		"2019-expanded-charge": { // with the customer, the subscription and the payment intent expanded too
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2019", paid(new("2019-10-01T11:01:00Z"))), Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2019-11-01"), LastPaidAt: at("2019-10-01T11:01:00Z")},
		},
		"2025-parent": {
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2025", paid(new("2025-10-01T11:01:00Z"))), Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2025-11-01"), LastPaidAt: at("2025-10-01T11:01:00Z")},
		},
	})
}
