package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// HasCutInvoice reports whether only the first lines are known of the invoice that the subscription's paid period rests on.
func HasCutInvoice(s *v1alpha1.SubscriptionStatus) bool {
	return s.PaidBy != nil && s.PaidBy.Lines == v1alpha1.LinesCut
}

// CutInvoices lists the ids of the paid invoices of which only the first lines are known.
func CutInvoices(a *Aggregate) []string {
	var ids []string
	for _, s := range a.Subscriptions {
		if HasCutInvoice(s) {
			ids = append(ids, s.PaidBy.InvoiceID)
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
		if HasCutInvoice(s) && s.PaidBy.InvoiceID == invoice.ID {
			paid := *s.PaidBy
			paid.Lines = v1alpha1.LinesWhole
			s.PaidBy = &paid
		}
	}
}
