package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoiceVoided(t *testing.T) {
	testType(t, "invoice.voided", showsInvoice, map[string]eventCase{
		"2023-void": ofInvoice("2023", func(i *v1alpha1.Invoice) { i.Status, i.AttemptCount = "void", 4 }),
		"2026-void": ofInvoice("2026", func(i *v1alpha1.Invoice) { i.Status = "void" }),
	})
}

// ofInvoice is an event about the usual invoice.
func ofInvoice(year string, changes ...func(*v1alpha1.Invoice)) eventCase {
	record := &v1alpha1.InvoiceRecord{Invoice: openInvoice(year, changes...)}
	if year > "2017" {
		record.Email, record.Name = "ada@example.com", "Ada Kite"
	}
	return eventCase{event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: record}}
}
