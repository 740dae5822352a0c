package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCheckoutSessionAsyncPaymentFailed(t *testing.T) {
	failed := func(started, failed, subscription, intent string) v1alpha1.CustomerStatus { // no sign-up: nothing was paid
		return v1alpha1.CustomerStatus{CustomerSince: at(started), Checkouts: []v1alpha1.Checkout{{
			Signup: *signupBy(started, failed), State: v1alpha1.CheckoutFailed, SubscriptionID: subscription, PaymentIntentID: intent,
		}}}
	}
	testType(t, "checkout.session.async_payment_failed", showsContact, map[string]eventCase{
		"2022-sepa-debit": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "subscription", PaymentStatus: "unpaid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 1900, Currency: "eur", Created: at("2022-09-01"),
			}},
			customer: failed("2022-09-01", "2022-09-05T10:05:00Z", subscriptionID, ""),
		},
		"2026-payment": {
			event: projection.Event{CustomerID: customerID, PaymentIntentID: intentID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "payment", PaymentStatus: "unpaid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 4900, Currency: "eur", Created: at("2026-09-01"),
			}},
			customer: with(failed("2026-09-01", "2026-09-05T10:05:00Z", "", intentID), func(c *v1alpha1.CustomerStatus) {
				c.Purchases = []v1alpha1.Purchase{with(bought(""), func(p *v1alpha1.Purchase) { p.State = v1alpha1.CheckoutFailed })}
			}),
		},
	})
}
