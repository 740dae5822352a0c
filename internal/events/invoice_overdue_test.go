package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestInvoiceOverdue(t *testing.T) {
	testType(t, "invoice.overdue", showsInvoice, map[string]eventCase{
		"2023-open": ofInvoice("2023", func(i *v1alpha1.Invoice) { i.DueAt = at("2023-10-15") }),
		"2026-open": ofInvoice("2026", func(i *v1alpha1.Invoice) { i.DueAt = at("2026-10-15") }),
	})
}
