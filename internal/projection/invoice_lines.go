package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// CutInvoice is the id of a paid invoice of the subscription of which only the first lines are known; empty if there is none.
func CutInvoice(s *v1alpha1.SubscriptionStatus) string {
	for _, paid := range []*v1alpha1.PaidInvoice{s.PaidBy, s.PaidUsage} {
		if paid != nil && paid.Lines == v1alpha1.LinesCut {
			return paid.InvoiceID
		}
	}
	return ""
}

// CutInvoices lists the ids of the paid invoices of which only the first lines are known.
func CutInvoices(a *Aggregate) []string {
	var ids []string
	for _, s := range a.Subscriptions {
		if id := CutInvoice(s); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// readInvoiceLines folds the periods that all lines of a paid invoice bill, if events have reported the first lines only. It
// repairs nothing: what the first lines say stays true.
//
// For example, an invoice has 12 lines, and invoice.paid holds 10. They say that the subscription is paid until April. The
// reading holds a line until December.
func readInvoiceLines(a *Aggregate, e *Event) {
	invoice := e.Invoice
	if invoice.Status != InvoicePaid || invoice.MoreLines || !slices.Contains(CutInvoices(a), invoice.ID) {
		return
	}
	if s := a.Subscriptions[e.SubscriptionID]; s != nil {
		keepPaidThrough(s, invoice, invoice.PeriodEnd, e)
	}
	for i := range invoice.OtherPeriods {
		other := &invoice.OtherPeriods[i]
		if s := a.Subscriptions[other.SubscriptionID]; s != nil {
			keepPaidThrough(s, invoice, &other.End, e)
		}
	}
	for _, s := range a.Subscriptions {
		s.PaidBy, s.PaidUsage = withLines(s.PaidBy, invoice.ID), withLines(s.PaidUsage, invoice.ID)
	}
}

// withLines is the paid invoice with all of its lines known, if it is the one with the id.
func withLines(paid *v1alpha1.PaidInvoice, invoiceID string) *v1alpha1.PaidInvoice {
	if paid == nil || paid.InvoiceID != invoiceID || paid.Lines != v1alpha1.LinesCut {
		return paid
	}
	whole := *paid
	whole.Lines = v1alpha1.LinesWhole
	return &whole
}
