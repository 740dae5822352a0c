package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestInvoiceFinalizationFailed(t *testing.T) {
	testType(t, "invoice.finalization_failed", showsInvoice, map[string]eventCase{
		"2023-draft": ofInvoice("2023", func(i *v1alpha1.Invoice) { i.Status, i.Number = "draft", "" }),
		"2026-draft": ofInvoice("2026", func(i *v1alpha1.Invoice) { i.Status, i.Number = "draft", "" }),
	})
}
