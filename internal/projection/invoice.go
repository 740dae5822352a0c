package projection

import (
	"cmp"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Stripe's invoice statuses. See https://docs.stripe.com/invoicing/overview#invoice-statuses.
const (
	InvoiceDraft         = "draft"
	InvoiceOpen          = "open"
	InvoicePaid          = "paid"
	InvoiceUncollectible = "uncollectible"
	InvoiceVoid          = "void"
)

// maxRecentInvoices that a Subscription remembers.
const maxRecentInvoices = 12

// InvoiceState shows the invoice if it is the newest, and remembers its standing. A paid one extends the paid-through period
// of its subscription and ends its run of failed payments.
func InvoiceState(a *Aggregate, e *Event) bool {
	invoice := e.Invoice
	if invoice == nil || invoice.ID == "" {
		return false
	}
	earlier(&a.Customer.CustomerSince, invoice.Created)
	p := invoicePosition(e)
	shows := newestInvoice(&a.Customer.LatestInvoice, &a.Customer.Positions, invoice, p)
	shows = contact(a, e, invoice.Email, invoice.Name) || shows

	s := a.subscription(e.SubscriptionID)
	if s == nil {
		return shows
	}
	shows = newestInvoice(&s.LatestInvoice, &s.Positions, invoice, p) || shows
	shows = standing(s, e, p) || shows
	if invoice.Status == InvoicePaid {
		shows = later(&s.PaidThrough, invoice.PeriodEnd) || shows
		paidAt := invoice.PaidAt
		if paidAt == nil && (e.Type == "invoice.paid" || e.Type == "invoice.payment_succeeded") {
			paidAt = &e.Created
		}
		shows = later(&s.LastPaidAt, paidAt) || shows
	}
	return shows
}

// InvoicePaymentFailed remembers when the first attempt to collect the invoice failed, and shows the latest one.
func InvoicePaymentFailed(a *Aggregate, e *Event) bool {
	s, invoice := a.subscription(e.SubscriptionID), e.Invoice
	if s == nil || invoice == nil {
		return false
	}
	shows := false
	for i := range s.RecentInvoices {
		if s.RecentInvoices[i].ID == invoice.ID {
			earlier(&s.RecentInvoices[i].FirstFailedAt, &e.Created)
			shows = s.RecentInvoices[i].FirstFailedAt.Equal(&e.Created)
		}
	}
	if claim(&s.Positions, partFailure, position(e, v1alpha1.AuthorityState, invoice.AttemptCount)) {
		s.LatestPaymentFailure = &v1alpha1.FailedPayment{
			At:                 e.Created,
			InvoiceID:          invoice.ID,
			Amount:             invoice.AmountRemaining,
			Currency:           invoice.Currency,
			AttemptCount:       invoice.AttemptCount,
			NextPaymentAttempt: invoice.NextPaymentAttempt.DeepCopy(),
		}
		shows = true
	}
	return shows
}

// newestInvoice shows the newest invoice, in its latest state. Endpoints need not be sent all events of an invoice, so that a gap
// in its history tells nothing.
func newestInvoice(shown **v1alpha1.Invoice, parts *positions, invoice *v1alpha1.InvoiceRecord, p v1alpha1.Position) bool {
	if have := *shown; have != nil && have.ID != invoice.ID {
		if compareInvoices(have, &invoice.Invoice) > 0 {
			return false
		}
		delete(*parts, partInvoice)
	}
	shows := contest(parts, partInvoice, p, invoice.Trace)
	if p := (*parts)[partInvoice]; p.Doubt == v1alpha1.DoubtGap {
		p.Doubt = ""
		put(parts, partInvoice, p)
	}
	if shows {
		*shown = invoice.Invoice.DeepCopy()
	}
	return shows
}

func compareInvoices(a, b *v1alpha1.Invoice) int {
	return cmp.Or(compareTimes(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
}

// standing remembers the invoice among the newest of its subscription. They are ordered by when they were made, which never
// changes, so that one that was cut off does not come back without its past.
func standing(s *v1alpha1.SubscriptionStatus, e *Event, p v1alpha1.Position) bool {
	invoice := e.Invoice
	if invoice.Created == nil {
		return false
	}
	i := slices.IndexFunc(s.RecentInvoices, func(known v1alpha1.InvoiceStanding) bool { return known.ID == invoice.ID })
	if i < 0 {
		i = len(s.RecentInvoices)
		s.RecentInvoices = append(s.RecentInvoices, v1alpha1.InvoiceStanding{ID: invoice.ID, Created: *invoice.Created})
	}
	shows := claim(&s.Positions, partInvoiceStart+invoice.ID, p)
	if shows {
		s.RecentInvoices[i].Status = invoice.Status
	}
	slices.SortFunc(s.RecentInvoices, func(a, b v1alpha1.InvoiceStanding) int {
		return cmp.Or(b.Created.Compare(a.Created.Time), cmp.Compare(b.ID, a.ID))
	})
	for len(s.RecentInvoices) > maxRecentInvoices {
		last := len(s.RecentInvoices) - 1
		delete(s.Positions, partInvoiceStart+s.RecentInvoices[last].ID)
		shows = shows && s.RecentInvoices[last].ID != invoice.ID
		s.RecentInvoices = s.RecentInvoices[:last]
	}
	return shows
}

// invoicePosition: a paid or void invoice never changes its status again; an uncollectible one can still be paid. Of one status, the
// one with more attempts to collect it is the later one.
func invoicePosition(e *Event) v1alpha1.Position {
	rank := min(max(e.Invoice.AttemptCount, 0), 999)*10 + stage(e.Type)
	switch e.Invoice.Status {
	case InvoicePaid, InvoiceVoid:
		return position(e, v1alpha1.AuthorityFinal, rank)
	case InvoiceDraft:
		return position(e, v1alpha1.AuthorityState, rank)
	case InvoiceUncollectible:
		return position(e, v1alpha1.AuthorityState, 20_000+rank)
	default:
		return position(e, v1alpha1.AuthorityState, 10_000+rank)
	}
}
