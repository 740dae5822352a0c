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
	paid, remaining := settled(o, status, due)
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

// invoiceStatus is Stripe's word; before 2018-11-08 it is told by three flags.
func invoiceStatus(o Object) string {
	switch word := o.Word("status"); {
	case word != "":
		return word
	case o.Bool("paid"):
		return "paid"
	case o.Bool("forgiven"), o.Bool("closed"): // Stripe closed an invoice by itself once it had given up collecting it
		return "uncollectible"
	default:
		return "open"
	}
}

// settled is how much was paid and how much is left to pay. Invoices of 2017 do not tell: it is all or nothing.
func settled(o Object, status string, due int64) (paid, remaining int64) {
	if status == "paid" {
		paid = due
	}
	if told := o.Int("amount_paid"); told != nil {
		paid = *told
	}
	remaining = due - paid
	if told := o.Int("amount_remaining"); told != nil {
		remaining = *told
	}
	return paid, remaining
}

// servicePeriod is what the subscription lines bill; the invoice's own period_start and period_end are those of the period
// before. An invoice without such lines has no service period.
func servicePeriod(o Object) (start, end *metav1.Time) {
	for _, line := range o.List("lines.data") {
		if !billsSubscription(line) {
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

func billsSubscription(line Object) bool {
	switch line.Word("parent.type", "type") {
	case "subscription_item_details", "subscription":
		return true
	default:
		return false
	}
}
