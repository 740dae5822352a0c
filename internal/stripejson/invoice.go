package stripejson

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Invoice reads an invoice. See https://docs.stripe.com/api/invoices/object.
func Invoice(o Object) *v1alpha1.InvoiceRecord {
	own, others := servicePeriods(o)
	status := invoiceStatus(o)
	due := o.Amount("amount_due")
	paid, remaining := paidAndRemaining(o, status, due)
	record := &v1alpha1.InvoiceRecord{
		Invoice: v1alpha1.Invoice{
			ID:                 o.ID("id"),
			Number:             o.Text(maxName, "number"),
			Status:             status,
			BillingReason:      o.Word("billing_reason"),
			Currency:           o.Text(maxCurrency, "currency"),
			AmountDue:          due,
			AmountPaid:         paid,
			AmountRemaining:    remaining,
			AttemptCount:       o.Count("attempt_count"),
			NextPaymentAttempt: o.Time("next_payment_attempt"),
			Created:            o.Time("created", "date"),
			PaidAt:             o.Time("status_transitions.paid_at"),
			PeriodStart:        own.start,
			PeriodEnd:          own.end,
			DueAt:              o.Time("due_date"),
		},
		Email:        o.Text(maxEmail, "customer_email"),
		Name:         o.Text(maxPerson, "customer_name"),
		OtherPeriods: others,
		MoreLines:    o.Bool("lines.has_more"),
	}
	if status == "paid" {
		links := ReadLinks(o)
		record.ChargeID, record.PaymentIntentID = links.ChargeID, links.PaymentIntentID
	}
	record.UnreadableFields = o.unreadableFields()
	return record
}

// invoiceStatus is Stripe's status. Before 2018-11-08 three flags take its place.
func invoiceStatus(o Object) string {
	switch word := o.Word("status"); {
	case word != "":
		return word
	case o.Bool("paid"):
		return "paid"
	case o.Bool("forgiven"), o.Bool("closed"): // Stripe closed an invoice when it gave up collecting it
		return "uncollectible"
	default:
		return "open"
	}
}

// paidAndRemaining are the amounts paid and left to pay. Invoices of 2017 state neither: all or nothing is paid.
func paidAndRemaining(o Object, status string, due int64) (paid, remaining int64) {
	if status == "paid" {
		paid = due
	}
	if stated := o.Int("amount_paid"); stated != nil {
		paid = *stated
	}
	remaining = due - paid
	if stated := o.Int("amount_remaining"); stated != nil {
		remaining = *stated
	}
	return paid, remaining
}

// maxOtherPeriods bounds the subscriptions, beside its own, that an invoice is read to bill.
const maxOtherPeriods = 10

type span struct{ start, end *metav1.Time }

// include makes the span as long as it must be for a line's period.
func (s *span) include(line Object) {
	start, end := line.Time("period.start"), line.Time("period.end")
	if start != nil && (s.start == nil || start.Before(s.start)) {
		s.start = start
	}
	if end != nil && (s.end == nil || s.end.Before(end)) {
		s.end = end
	}
}

// servicePeriods are the period that the invoice bills for its own subscription, without times if it bills none, and those that
// it bills for others. The invoice's own period_start and period_end describe the period before.
//
// For example, an invoice of sub_A has a line for sub_A from 1 March to 1 April, a credit for the unused rest of a year
// until December, and a line for sub_B until July. March is paid for sub_A, and the time until July for sub_B.
func servicePeriods(o Object) (own span, others []v1alpha1.ServicePeriod) {
	subscription := ReadLinks(o).SubscriptionID
	byID := map[string]*span{}
	for _, line := range o.List("lines.data") {
		if !billsService(line) {
			continue
		}
		named := line.ID("parent.subscription_item_details.subscription", "subscription") // old lines name none
		if named == "" || named == subscription {
			own.include(line)
			continue
		}
		if byID[named] == nil {
			byID[named] = &span{}
		}
		byID[named].include(line)
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if s := byID[id]; s.start != nil && s.end != nil && len(others) < maxOtherPeriods {
			others = append(others, v1alpha1.ServicePeriod{SubscriptionID: id, Start: *s.start, End: *s.end})
		}
	}
	return own, others
}

// billsService reports whether a line bills a period of service. A proration or a credit settles a change within a period,
// and extends none.
func billsService(line Object) bool {
	switch line.Word("parent.type", "type") {
	case "subscription_item_details", "subscription":
	default:
		return false
	}
	isProration := line.Bool("parent.subscription_item_details.proration", "proration")
	return !isProration && line.Amount("amount") >= 0
}
