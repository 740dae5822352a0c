package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCheckoutSessionAsyncPaymentSucceeded(t *testing.T) {
	testType(t, "checkout.session.async_payment_succeeded", showsContact, map[string]eventCase{
		"2022-sepa-debit": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "subscription", PaymentStatus: "paid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 1900, Currency: "eur", Created: at("2022-09-01"),
			}},
			customer: v1alpha1.CustomerStatus{
				Signup:        signupBy("2022-09-01", "2022-09-05T10:05:00Z"),
				CustomerSince: at("2022-09-01"),
			},
		},
		"2026-payment": {
			event: projection.Event{CustomerID: customerID, PaymentIntentID: intentID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "payment", PaymentStatus: "paid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 4900, Currency: "eur", Created: at("2026-09-01"),
			}},
			customer: v1alpha1.CustomerStatus{
				Signup:        signupBy("2026-09-01", "2026-09-05T10:05:00Z"),
				CustomerSince: at("2026-09-01"),
				Purchases:     []v1alpha1.Purchase{bought("2026-09-05T10:05:00Z")},
			},
		},
	})
}
