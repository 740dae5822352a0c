package entitlement

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const (
	// sameMoment is how long before the payment of an invoice its charge may have been made, if no event names the other
	// one. Stripe marks an invoice paid within seconds of its charge.
	sameMoment = 5 * time.Minute
	// clockSkew is how much later than the payment of an invoice its charge may seem to be. A charge that was made later is
	// another payment, such as one that the customer made twice.
	clockSkew = 2 * time.Second
)

// unlessRefunded ends an entitlement if the payment that the present period rests on was refunded in full, and the policy
// is to suspend then. The refund of anything else does not: of a purchase, of a former subscription, or of a payment
// that another one has followed. A trial rests on no payment.
//
// For example, sub_A is paid by ch_1, and the customer buys a mug by ch_2. A refund of ch_2 changes nothing. A refund of
// ch_1 suspends, until the next invoice of sub_A is paid.
func unlessRefunded(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, policy Policy, a assessment) assessment {
	if policy.OnRefund != Suspend || !a.entitled || s.Status == projection.StatusTrialing {
		return a
	}
	var latest *metav1.Time
	var total int64
	for _, r := range slices.Concat(c.Refunds, c.EarlierRefunds) {
		if !r.Full || projection.RefundHasFailed(c, &r) || !paysPeriod(c, s, &r) {
			continue
		}
		total += r.Amount
		if latest == nil || latest.Before(&r.At) {
			latest = r.At.DeepCopy()
		}
	}
	if paid := projection.PaidInvoice(s); latest == nil || paid != nil && total < paid.Amount { // two payments may share an invoice
		return a
	}
	refunded := notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
		"The last payment was refunded in full%s. Access resumes with the next payment.", onDate(latest))
	refunded.changesAt = a.changesAt
	return refunded
}

// paysPeriod reports whether the refunded charge paid the subscription's present period. Since API version 2025-03-31 charges
// and invoices do not name each other, but invoice_payment.paid names both. Without it amount, currency and moment decide.
func paysPeriod(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, r *v1alpha1.Refund) bool {
	paid, refunded := projection.PaidInvoice(s), paymentIDs{r.ChargeID, r.PaymentIntentID}
	if paid == nil { // no invoice is known: the customer's last payment, unless it bought something else or is from before the subscription
		last := c.LastPayment
		return !boughtOnce(c, r) && last != nil && refunded.match(last.ChargeID, last.PaymentIntentID) && !last.At.Before(s.StartedAt)
	}
	known := paymentsOf(c, paid)
	for _, payment := range known {
		if refunded.match(payment.chargeID, payment.intentID) {
			return true
		}
	}
	switch {
	case len(known) > 0:
		return false
	case r.InvoiceID != "":
		return r.InvoiceID == paid.InvoiceID
	default:
		return isSameMoment(r.ChargedAt, paid) && r.Amount == paid.Amount && r.Currency == paid.Currency
	}
}

// boughtOnce reports whether the refunded charge is known to have paid a purchase, and no invoice. A checkout of a purchase never pays
// a subscription. A payment intent whose metadata grants access may, if something names its invoice.
func boughtOnce(c *v1alpha1.CustomerStatus, r *v1alpha1.Refund) bool {
	refunded := paymentIDs{r.ChargeID, r.PaymentIntentID}
	p := purchaseBy(c, refunded)
	isLinked := r.InvoiceID != "" || slices.ContainsFunc(c.InvoicePayments, func(link v1alpha1.InvoicePayment) bool {
		return refunded.match(link.ChargeID, link.PaymentIntentID)
	})
	return p != nil && (p.SessionID != "" || !isLinked)
}

// paymentIDs name a payment; either id may be empty.
type paymentIDs struct{ chargeID, intentID string }

func (p paymentIDs) match(chargeID, intentID string) bool {
	return p.chargeID != "" && p.chargeID == chargeID || p.intentID != "" && p.intentID == intentID
}

// paymentsOf are the payments that are known to have paid the invoice.
func paymentsOf(c *v1alpha1.CustomerStatus, paid *v1alpha1.PaidInvoice) []paymentIDs {
	var known []paymentIDs
	if paid.ChargeID != "" || paid.PaymentIntentID != "" {
		known = append(known, paymentIDs{paid.ChargeID, paid.PaymentIntentID})
	}
	for i := range c.InvoicePayments {
		if p := &c.InvoicePayments[i]; p.InvoiceID == paid.InvoiceID {
			known = append(known, paymentIDs{p.ChargeID, p.PaymentIntentID})
		}
	}
	return known
}

// isSameMoment reports whether a charge was made when the invoice was paid.
func isSameMoment(chargedAt *metav1.Time, paid *v1alpha1.PaidInvoice) bool {
	if chargedAt == nil {
		return false
	}
	before := paid.PaidAt.Sub(chargedAt.Time)
	return before <= sameMoment && before >= -clockSkew
}
