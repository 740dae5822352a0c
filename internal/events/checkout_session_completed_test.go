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
			customer: v1alpha1.CustomerStatus{
				Signup: signupBy("2026-09-01", "2026-09-01T10:05:00Z"), Purchases: []v1alpha1.Purchase{bought("2026-09-01T10:05:00Z")},
			},
		},
		"2026-access":        accessCase("paid", intentID, 4900, map[string]v1alpha1.Value{"access": "30d", "seats": "5"}),
		"2022-access-unpaid": accessCase("unpaid", intentID, 4900, map[string]v1alpha1.Value{"access": "lifetime"}),
		"2026-free-access":   accessCase("no_payment_required", "", 0, map[string]v1alpha1.Value{"access": "1y"}), // by a discount of 100 %
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
	if c.Signup != nil {
		c.CustomerSince = &c.Signup.StartedAt
	}
}

// bought is the one-time purchase by the session of the payloads; paid is empty if it is not paid.
func bought(paid string) v1alpha1.Purchase {
	p := v1alpha1.Purchase{
		ID: intentID, SessionID: "cs_test_TollKiteSession", PaymentIntentID: intentID, BoughtAt: *at("2026-09-01"), State: v1alpha1.CheckoutUnpaid,
	}
	if paid != "" {
		p.State, p.PaidAt = v1alpha1.CheckoutPaid, at(paid)
	}
	return p
}

// accessCase is a checkout of 2026 whose session has the metadata.
func accessCase(status, intent string, amount int64, metadata map[string]v1alpha1.Value) eventCase {
	const opened, completed = "2026-09-01", "2026-09-01T10:05:00Z"
	paid := completed
	if status == "unpaid" {
		paid = ""
	}
	p, id := bought(paid), map[string]string{"paid": "06", "unpaid": "07", "no_payment_required": "08"}[status]
	if p.PaymentIntentID = intent; intent == "" {
		p.ID = p.SessionID
	}
	p.Terms = []v1alpha1.PurchaseTerms{{
		Source: "Checkout", Metadata: metadata, Created: *at(completed), EventID: "evt_1TollCheckoutSessionCompleted" + id,
	}}
	c := v1alpha1.CustomerStatus{Purchases: []v1alpha1.Purchase{p}}
	if signup := signupBy(opened, completed); status == "unpaid" {
		c.CustomerSince = at(opened)
		c.Checkouts = []v1alpha1.Checkout{{Signup: *signup, State: v1alpha1.CheckoutUnpaid, PaymentIntentID: intent}}
	} else {
		c.Signup = signup
	}
	return eventCase{
		event: projection.Event{CustomerID: customerID, PaymentIntentID: intent, Checkout: &v1alpha1.CheckoutRecord{
			Mode: "payment", PaymentStatus: status, ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
			AmountTotal: amount, Currency: "eur", Created: at(opened), Metadata: metadata,
		}},
		customer: c,
	}
}
