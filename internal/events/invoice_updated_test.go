package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoiceUpdated(t *testing.T) {
	status := func(status string) func(*v1alpha1.Invoice) {
		return func(i *v1alpha1.Invoice) { i.Status, i.AttemptCount = status, 4 }
	}
	testType(t, "invoice.updated", showsInvoice, map[string]eventCase{
		"2017-forgiven": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2017", status("uncollectible")),
			}},
		},
		"2017-closed": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2017", status("uncollectible")),
			}},
		},
		"2023-uncollectible": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2023", status("uncollectible")), Email: "ada@example.com", Name: "Ada Kite",
			}},
		},
		"2025-both-shapes": { // every value that occurs twice is wrong in its old place
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2025", func(i *v1alpha1.Invoice) {
						i.AttemptCount, i.NextPaymentAttempt = 1, at("2025-10-04")
					}),
					Email: "ada@example.com", Name: "Ada Kite",
				},
			},
		},
	})
}
