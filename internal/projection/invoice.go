package projection

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Parts that invoices write: of a Customer's status (the first) and of a Subscription's (all).
const (
	partInvoice     = "latestInvoice"
	partFailure     = "latestPaymentFailure"
	partAction      = "actionRequired"
	partPaidThrough = "paidThrough"
)

// InvoiceState shows the invoice if it is the newest. A paid invoice extends the paid-through periods of its subscription and
// of the others that its lines name.
func InvoiceState(a *Aggregate, e *Event) bool {
	invoice := e.Invoice
	if invoice == nil || invoice.ID == "" {
		return false
	}
	keepEarliest(&a.Customer.CustomerSince, invoice.Created)
	if invoice.Status == InvoicePaid {
		keepPayment(&a.Customer, e, max(invoice.AmountPaid, invoice.AmountDue), cmp.Or(paidAtOf(e), &e.Created))
	}
	p := invoicePosition(e)
	shows := showInvoiceIfNewest(&a.Customer.LatestInvoice, &a.Customer.Positions, invoice, p)
	shows = showContactHint(a, e, invoice.Email, invoice.Name) || shows
	shows = keepPurchase(a, invoicePurchase(e)) || shows
	shows = payOthers(a, e) || shows

	s := a.ensureSubscription(e.SubscriptionID)
	if s == nil {
		return shows
	}
	shows = showInvoiceIfNewest(&s.LatestInvoice, &s.Positions, invoice, p) || shows
	if invoice.Status == InvoicePaid {
		shows = keepPaidThrough(s, invoice, invoice.PeriodEnd, e) || shows
		shows = keepLatest(&s.LastPaidAt, paidAtOf(e)) || shows
	}
	return shows
}

// payOthers extends the subscriptions that lines of a paid invoice bill, beside the invoice's own.
func payOthers(a *Aggregate, e *Event) (shows bool) {
	if e.Invoice.Status != InvoicePaid {
		return false
	}
	for i := range e.Invoice.OtherPeriods {
		other := &e.Invoice.OtherPeriods[i]
		s := a.ensureSubscription(other.SubscriptionID)
		keepLastEvent(&s.LastEvent, e)
		shows = keepPaidThrough(s, e.Invoice, &other.End, e) || shows
		shows = keepLatest(&s.LastPaidAt, paidAtOf(e)) || shows
	}
	return shows
}

// paidAtOf is when the event's invoice was paid, in the time of the events; nil if the event does not say. With a test clock the
// invoice's own time is simulated, and may lie in the future: then it is the event's.
func paidAtOf(e *Event) *metav1.Time {
	isPayment := e.Type == "invoice.paid" || e.Type == "invoice.payment_succeeded"
	switch paidAt := e.Invoice.PaidAt; {
	case paidAt != nil && !e.Created.Before(paidAt):
		return paidAt
	case paidAt != nil || isPayment:
		return &e.Created
	default:
		return nil
	}
}

// keepPaidThrough keeps the end of the period that a paid invoice bills, if it is the newest one that bills time to come. A later
// change to a shorter period replaces a year that was paid before; an older invoice that is paid late extends nothing.
//
// Of items with different intervals, the invoice of the shortest period is the newest. For example, January's invoice bills a
// year and a month, and shows the end of the year. February's bills a month alone, and shows the end of February.
func keepPaidThrough(s *v1alpha1.SubscriptionStatus, invoice *v1alpha1.InvoiceRecord, end *metav1.Time, e *Event) bool {
	p := v1alpha1.Position{
		Authority: v1alpha1.AuthorityState, Created: *cmp.Or(invoice.Created, &e.Created), EventID: invoice.ID,
	}
	switch {
	case end == nil && !invoice.MoreLines:
		return false
	case end == nil || !p.Created.Before(end):
		return keepPaidUsage(s, invoice, e, p)
	case !takePart(&s.Positions, partPaidThrough, p):
		return false
	}
	if s.PaidBy == nil || s.PaidBy.InvoiceID != invoice.ID {
		s.PaidThrough = nil
	}
	keepLatest(&s.PaidThrough, end)
	s.PaidBy = joinPaid(s.PaidBy, invoice, e)
	return true
}

// InvoicePaymentFailed shows the latest failure.
func InvoicePaymentFailed(a *Aggregate, e *Event) bool {
	s, invoice := a.ensureSubscription(e.SubscriptionID), e.Invoice
	if s == nil || invoice == nil {
		return false
	}
	if !takePart(&s.Positions, partFailure, positionOf(e, v1alpha1.AuthorityState, invoice.AttemptCount)) {
		return false
	}
	s.LatestPaymentFailure = &v1alpha1.FailedPayment{
		At:                 e.Created,
		InvoiceID:          invoice.ID,
		Amount:             invoice.AmountRemaining,
		Currency:           invoice.Currency,
		AttemptCount:       invoice.AttemptCount,
		NextPaymentAttempt: invoice.NextPaymentAttempt.DeepCopy(),
	}
	return true
}

// InvoiceActionRequired shows that the customer must authorize the latest attempt to collect the invoice.
func InvoiceActionRequired(a *Aggregate, e *Event) bool {
	s, invoice := a.ensureSubscription(e.SubscriptionID), e.Invoice
	if s == nil || invoice == nil || !takePart(&s.Positions, partAction, positionOf(e, v1alpha1.AuthorityState, invoice.AttemptCount)) {
		return false
	}
	s.ActionRequired = &v1alpha1.ActionRequired{At: e.Created, InvoiceID: invoice.ID, AttemptCount: invoice.AttemptCount}
	return true
}

// invoicePosition ranks open before uncollectible, and more attempts to collect after fewer. Only paid, void and
// deleted are final: an uncollectible invoice can still be paid.
func invoicePosition(e *Event) v1alpha1.Position {
	rank := min(max(e.Invoice.AttemptCount, 0), 999)*10 + typeRank(e.Type)
	switch e.Invoice.Status {
	case InvoicePaid, InvoiceVoid, InvoiceDeleted:
		return positionOf(e, v1alpha1.AuthorityFinal, rank)
	case InvoiceDraft:
		return positionOf(e, v1alpha1.AuthorityState, rank)
	case InvoiceUncollectible:
		return positionOf(e, v1alpha1.AuthorityState, 20_000+rank)
	default:
		return positionOf(e, v1alpha1.AuthorityState, 10_000+rank)
	}
}

// showInvoiceIfNewest shows the newest invoice in its latest state. An endpoint may receive only some invoice events,
// so a gap in an invoice's history is no doubt.
func showInvoiceIfNewest(shown **v1alpha1.Invoice, parts *positions, invoice *v1alpha1.InvoiceRecord, p v1alpha1.Position) bool {
	if old := *shown; old != nil && old.ID != invoice.ID {
		if compareCreation(old.Created, old.ID, invoice.Created, invoice.ID) > 0 {
			return false
		}
		delete(*parts, partInvoice)
	}
	shows := takeStatePart(parts, partInvoice, p, invoice.Trace)
	clearGap(parts, partInvoice)
	if shows {
		*shown = invoice.Invoice.DeepCopy()
	}
	return shows
}
