package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoiceCreated(t *testing.T) {
	draft := func(i *v1alpha1.Invoice) { i.Status, i.Number = "draft", "" }
	testType(t, "invoice.created", showsInvoice, map[string]eventCase{
		"2017-date": { // an invoice that is neither paid nor closed is open; drafts cannot be distinguished
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2017", func(i *v1alpha1.Invoice) { i.Number = "" }),
			}},
		},
		"2019-draft": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2019", draft, func(i *v1alpha1.Invoice) { i.NextPaymentAttempt = at("2019-10-01T11:00:00Z") }),
				Email:   "ada@example.com", Name: "Ada Kite",
			}},
		},
		"2023-one-off": { // it bills no subscription
			event: projection.Event{CustomerID: customerID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2023", draft, func(i *v1alpha1.Invoice) {
					i.BillingReason, i.PeriodStart, i.PeriodEnd = "manual", nil, nil
				}),
				Email: "ada@example.com", Name: "Ada Kite",
			}},
		},
		"2026-parent": {
			event: projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: openInvoice("2026", draft), Email: "ada@example.com", Name: "Ada Kite",
			}},
		},
		"2026-nulls": {
			event: projection.Event{CustomerID: customerID, Invoice: &v1alpha1.InvoiceRecord{
				Invoice: v1alpha1.Invoice{ID: invoiceID, Status: "open"},
			}},
		},
	})
}
