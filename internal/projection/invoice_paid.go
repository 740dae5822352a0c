package projection

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// partPaidUsage is the part of a Subscription's status that paid invoices of the past write.
const partPaidUsage = "paidUsage"

// PaidInvoice is the invoice that the subscription's present period rests on; nil if none is known.
func PaidInvoice(s *v1alpha1.SubscriptionStatus) *v1alpha1.PaidInvoice {
	if RestsOnUsage(s) {
		return s.PaidUsage
	}
	return s.PaidBy
}

// PaidThrough is the end of the paid period; nil if it is not known. With an invoice of the past it is that of the present period.
func PaidThrough(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	if RestsOnUsage(s) || s.PaidThrough == nil && s.PaidBy != nil { // the latter as an earlier version stored a cut invoice
		return s.CurrentPeriodEnd
	}
	return s.PaidThrough
}

// RestsOnUsage reports whether the present period rests on an invoice that bills the past: the subscription bills usage only, or
// only the first lines of the invoice are known. No other invoice may pay for the time since that one was made. For example:
//
//	a year is paid in January, and in February the usage of January    the year is paid, whether the usage is paid or not
//	a trial ends on 14 January, and January's usage is paid then       usage only: it is served until the end of February
//	the same, and there is also a monthly price, which is not paid     nothing is paid
func RestsOnUsage(s *v1alpha1.SubscriptionStatus) bool {
	usage := s.PaidUsage
	if usage == nil || usage.Lines != v1alpha1.LinesCut && !billsUsageOnly(s) {
		return false
	}
	made := s.Positions[partPaidUsage].Created
	return s.PaidThrough == nil || !made.Before(s.PaidThrough)
}

func billsUsageOnly(s *v1alpha1.SubscriptionStatus) bool {
	items := itemsOf(s)
	isLicensed := func(item v1alpha1.SubscriptionItem) bool { return !isMetered(item) }
	return len(items) > 0 && !slices.ContainsFunc(items, isLicensed)
}

// keepPaidUsage keeps the newest paid invoice that bills the past.
func keepPaidUsage(s *v1alpha1.SubscriptionStatus, invoice *v1alpha1.InvoiceRecord, e *Event, p v1alpha1.Position) bool {
	if !takePart(&s.Positions, partPaidUsage, p) {
		return false
	}
	s.PaidUsage = joinPaid(s.PaidUsage, invoice, e)
	return true
}

// joinPaid is the invoice as paid. Several events report the same invoice: what they know is joined.
func joinPaid(known *v1alpha1.PaidInvoice, invoice *v1alpha1.InvoiceRecord, e *Event) *v1alpha1.PaidInvoice {
	paid := &v1alpha1.PaidInvoice{
		InvoiceID: invoice.ID, Amount: invoice.AmountPaid, Currency: invoice.Currency,
		PaidAt: *cmp.Or(paidAtOf(e), &e.Created), ChargeID: e.ChargeID, PaymentIntentID: e.PaymentIntentID,
	}
	if invoice.MoreLines {
		paid.Lines = v1alpha1.LinesCut
	}
	if known == nil || known.InvoiceID != paid.InvoiceID {
		return paid
	}
	paid.Amount, paid.Currency = max(paid.Amount, known.Amount), max(paid.Currency, known.Currency)
	paid.ChargeID = max(paid.ChargeID, known.ChargeID)
	paid.PaymentIntentID = max(paid.PaymentIntentID, known.PaymentIntentID)
	paid.Lines = max(paid.Lines, known.Lines)
	if known.PaidAt.Before(&paid.PaidAt) {
		paid.PaidAt = known.PaidAt
	}
	return paid
}
