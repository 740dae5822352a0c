package stripejson

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Invoice reads an invoice. See https://docs.stripe.com/api/invoices/object.
func Invoice(o Object) *v1alpha1.InvoiceRecord {
	start, end := servicePeriod(o)
	status := invoiceStatus(o)
	due := o.Amount("amount_due")
	paid, remaining := paidAndRemaining(o, status, due)
	return &v1alpha1.InvoiceRecord{
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
			PeriodStart:        start,
			PeriodEnd:          end,
		},
		Email: o.Text(maxEmail, "customer_email"),
		Name:  o.Text(maxPerson, "customer_name"),
	}
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

// servicePeriod is the period that the invoice bills for its own subscription; nil if it bills none. The invoice's own
// period_start and period_end describe the period before.
//
// For example, an invoice of sub_A has a line for sub_A from 1 March to 1 April, a credit for the unused rest of a year
// until December, and a line for sub_B until July. The service period is March.
func servicePeriod(o Object) (start, end *metav1.Time) {
	subscription := ReadLinks(o).SubscriptionID
	for _, line := range o.List("lines.data") {
		if !billsService(line, subscription) {
			continue
		}
		s, e := line.Time("period.start"), line.Time("period.end")
		if s != nil && (start == nil || s.Before(start)) {
			start = s
		}
		if e != nil && (end == nil || end.Before(e)) {
			end = e
		}
	}
	return start, end
}

// billsService reports whether a line bills a period of service of the subscription. A proration or a credit settles a
// change within a period, and extends none. Old lines do not name their subscription.
func billsService(line Object, subscription string) bool {
	switch line.Word("parent.type", "type") {
	case "subscription_item_details", "subscription":
	default:
		return false
	}
	named := line.ID("parent.subscription_item_details.subscription", "subscription")
	isProration := line.Bool("parent.subscription_item_details.proration", "proration")
	return !isProration && line.Amount("amount") >= 0 && (named == "" || subscription == "" || named == subscription)
}
