package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoicePaymentFailed(t *testing.T) {
	failed := func(failure v1alpha1.FailedPayment) v1alpha1.SubscriptionStatus {
		failure.InvoiceID, failure.Currency = invoiceID, "eur"
		return v1alpha1.SubscriptionStatus{
			LatestPaymentFailure: &failure,
		}
	}
	testType(t, "invoice.payment_failed", showsInvoice, map[string]eventCase{
		"2017-flags": { // the amount remaining is not stated: it is the amount due
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID,
				Invoice: &v1alpha1.InvoiceRecord{Invoice: openInvoice("2017", func(i *v1alpha1.Invoice) {
					i.AttemptCount, i.NextPaymentAttempt = 1, at("2017-10-04")
				})},
			},
			subscription: failed(v1alpha1.FailedPayment{
				At: *at("2017-10-01T11:01:02Z"), Amount: 1900, AttemptCount: 1, NextPaymentAttempt: at("2017-10-04"),
			}),
		},
		"2022-third-attempt": { // a part was paid before
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2022", func(i *v1alpha1.Invoice) {
						i.AmountPaid, i.AmountRemaining, i.AttemptCount, i.NextPaymentAttempt = 400, 1500, 3, at("2022-10-15")
					}),
					Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: failed(v1alpha1.FailedPayment{
				At: *at("2022-10-08T11:01:02Z"), Amount: 1500, AttemptCount: 3, NextPaymentAttempt: at("2022-10-15"),
			}),
		},
		"2026-last-attempt": { // Stripe will not try again
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2026", func(i *v1alpha1.Invoice) { i.AttemptCount = 4 }), Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: failed(v1alpha1.FailedPayment{At: *at("2026-10-15T11:01:02Z"), Amount: 1900, AttemptCount: 4}),
		},
	})
}

// The latest failure is shown, in whatever order they arrive.
func TestInvoicePaymentFailedAgain(t *testing.T) {
	first, err := decoder.Decode(payload(t, "invoice.payment_failed", "2022-third-attempt"))
	if err != nil {
		t.Fatal(err)
	}
	second := first.DeepCopy()
	second.EventID, second.Created, second.Invoice.AttemptCount = "evt_1TollKiteLater", *at("2022-10-15"), 4
	for name, order := range map[string][]*projection.Event{"in order": {first, second}, "reversed": {second, first}} {
		t.Run(name, func(t *testing.T) {
			var aggregate projection.Aggregate
			for _, e := range order {
				projection.Fold(&aggregate, []projection.Change{Change(e)})
			}
			s := aggregate.Subscriptions[subscriptionID]
			if got := s.LatestPaymentFailure; got.AttemptCount != 4 || !got.At.Equal(&second.Created) {
				t.Errorf("latest failure is attempt %d at %v, want 4 at %v", got.AttemptCount, got.At, second.Created)
			}
		})
	}
}
