package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoiceUpcoming(t *testing.T) {
	upcoming := func(year string, next string) projection.Event {
		e := ofInvoice(year, func(i *v1alpha1.Invoice) {
			i.ID, i.Number, i.Status, i.BillingReason, i.NextPaymentAttempt = "", "", "draft", "upcoming", at(next)
		}).event
		return e
	}
	testRecorded(t, "invoice.upcoming", map[string]projection.Event{
		"2023-without-id": upcoming("2023", "2023-10-01"),
		"2026-without-id": upcoming("2026", "2026-10-01T11:00:00Z"),
	})
}
