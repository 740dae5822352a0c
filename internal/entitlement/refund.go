package entitlement

import (
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// sameMoment is how far a charge may be from the payment of the invoice that it paid, if no event names the other one. Stripe
// marks an invoice paid within seconds of its charge.
const sameMoment = 5 * time.Minute

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
	for i := range c.Refunds {
		r := &c.Refunds[i]
		if !r.Full || projection.RefundHasFailed(c, r) || !paysPeriod(c, s, r) {
			continue
		}
		refunded := notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
			"The last payment was refunded in full%s. Access resumes with the next payment.", onDate(&r.At))
		refunded.changesAt = a.changesAt
		return refunded
	}
	return a
}

// paysPeriod reports whether the refunded charge paid the subscription's present period. Since API version 2025-03-31 charges
// and invoices do not name each other: then amount, currency and moment decide.
func paysPeriod(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, r *v1alpha1.Refund) bool {
	paid := s.PaidBy
	switch {
	case paid == nil: // no invoice is known: the customer's last payment, unless it is from before the subscription
		last := c.LastPayment
		return last != nil && isCharge(r, last.ChargeID, last.PaymentIntentID) && !last.At.Before(s.StartedAt)
	case r.InvoiceID != "":
		return r.InvoiceID == paid.InvoiceID
	case paid.ChargeID != "" || paid.PaymentIntentID != "":
		return isCharge(r, paid.ChargeID, paid.PaymentIntentID)
	case r.ChargedAt == nil:
		return false
	}
	apart := r.ChargedAt.Sub(paid.PaidAt.Time).Abs()
	return r.Amount == paid.Amount && r.Currency == paid.Currency && apart <= sameMoment
}

func isCharge(r *v1alpha1.Refund, chargeID, paymentIntentID string) bool {
	return r.ChargeID == chargeID || r.PaymentIntentID != "" && r.PaymentIntentID == paymentIntentID
}
