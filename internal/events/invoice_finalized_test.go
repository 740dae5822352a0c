package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoiceFinalized(t *testing.T) {
	testType(t, "invoice.finalized", showsInvoice, map[string]eventCase{
		"2019-open": {
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{Invoice: openInvoice("2019"), Email: "ada@example.com", Name: "Ada Kite"},
			},
		},
		"2026-open": {
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID,
				Invoice: &v1alpha1.InvoiceRecord{Invoice: openInvoice("2026"), Email: "ada@example.com"},
			},
		},
	})
}
