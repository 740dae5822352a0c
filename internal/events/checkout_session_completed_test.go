package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCheckoutSessionCompleted(t *testing.T) {
	testType(t, "checkout.session.completed", showsSignup, map[string]eventCase{
		"2019-without-mode": { // and without a time of its own
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Checkout: &v1alpha1.CheckoutRecord{
				ClientReferenceID: "tenant-7", Email: "ada@example.com",
			}},
			customer: v1alpha1.CustomerStatus{Signup: signupBy("2019-04-01T10:05:00Z", "2019-04-01T10:05:00Z")},
		},
		"2022-subscription": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "subscription", PaymentStatus: "paid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 1900, Currency: "eur", Created: at("2022-09-01"),
			}},
			customer: v1alpha1.CustomerStatus{Signup: signupBy("2022-09-01", "2022-09-01T10:05:00Z")},
		},
		"2023-expanded": { // the address that the customer entered wins over the session's
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "subscription", PaymentStatus: "paid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 1900, Currency: "eur", Created: at("2023-11-01"),
			}},
			customer: v1alpha1.CustomerStatus{Signup: signupBy("2023-11-01", "2023-11-01T10:05:00Z")},
		},
		"2026-payment": {
			event: projection.Event{CustomerID: customerID, PaymentIntentID: intentID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "payment", PaymentStatus: "paid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 4900, Currency: "eur", Created: at("2026-09-01"),
			}},
			customer: v1alpha1.CustomerStatus{Signup: signupBy("2026-09-01", "2026-09-01T10:05:00Z")},
		},
		"2026-nulls": {
			event: projection.Event{CustomerID: customerID, Checkout: &v1alpha1.CheckoutRecord{}},
			customer: v1alpha1.CustomerStatus{Signup: &v1alpha1.Signup{
				SessionID: "cs_test_TollKiteSession", StartedAt: *at("2026-09-01T10:05:00Z"), CompletedAt: *at("2026-09-01T10:05:00Z"),
			}},
		},
	})
}

// signupBy is the sign-up by the session of the payloads.
func signupBy(started, completed string) *v1alpha1.Signup {
	return &v1alpha1.Signup{
		SessionID: "cs_test_TollKiteSession", StartedAt: *at(started), CompletedAt: *at(completed), ClientReferenceID: "tenant-7",
	}
}

// showsContact is the address and the name that the customer entered.
func showsContact(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
	c.Email, c.Name = e.Checkout.Email, e.Checkout.Name
}

func showsSignup(e *projection.Event, c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) {
	showsContact(e, c, s)
	c.CustomerSince = &c.Signup.StartedAt
}
