package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestInvoiceMarkedUncollectible(t *testing.T) {
	testType(t, "invoice.marked_uncollectible", showsInvoice, map[string]eventCase{
		"2017-forgiven":      ofInvoice("2017", func(i *v1alpha1.Invoice) { i.Status, i.AttemptCount = "uncollectible", 4 }),
		"2023-uncollectible": ofInvoice("2023", func(i *v1alpha1.Invoice) { i.Status, i.AttemptCount = "uncollectible", 4 }),
		"2026-uncollectible": ofInvoice("2026", func(i *v1alpha1.Invoice) { i.Status = "uncollectible" }),
	})
}
