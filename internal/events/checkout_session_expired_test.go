package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCheckoutSessionExpired(t *testing.T) {
	opened := func(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
		c.CustomerSince = e.Checkout.Created
	}
	testType(t, "checkout.session.expired", opened, map[string]eventCase{
		"2022-subscription": {
			event: projection.Event{CustomerID: customerID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "subscription", PaymentStatus: "unpaid", ClientReferenceID: "tenant-7", Email: "ada@example.com", Name: "Ada Kite",
				AmountTotal: 1900, Currency: "eur", Created: at("2022-09-01"),
			}},
		},
		"2026-payment": { // the customer entered no name
			event: projection.Event{CustomerID: customerID, Checkout: &v1alpha1.CheckoutRecord{
				Mode: "payment", PaymentStatus: "unpaid", ClientReferenceID: "tenant-7", Email: "ada@example.com",
				AmountTotal: 4900, Currency: "eur", Created: at("2026-09-01"),
			}},
		},
	})
}
