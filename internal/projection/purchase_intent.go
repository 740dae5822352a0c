package projection

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	partIntentPrefix = "intent/"
	maxIntents       = 8

	// The rank of an intent's position has a bit for each report: no event takes back what another one reported.
	rankCanceled = 1
	rankPaid     = 2
)

// keepIntent remembers that a payment intent succeeded or was canceled, and settles the checkout that waits for it. Sessions have
// events of their own for that, but not always: a captured authorization and a payment after a failed debit have none, and an
// endpoint may not receive those of a debit. The newest intents are remembered, as the session's event may come last:
//
//	day 0  checkout.session.completed                  cs_1, pi_1, unpaid, access 30d
//	day 4  checkout.session.async_payment_failed       cs_1, pi_1
//	day 5  payment_intent.succeeded                    pi_1, by card and without metadata: access begins
//
// The position of an intent has the time of its first success, or of its first cancellation if it has not succeeded.
func keepIntent(c *v1alpha1.CustomerStatus, e *Event, rank int32) {
	if e.PaymentIntentID == "" {
		return
	}
	part := partIntentPrefix + e.PaymentIntentID
	p := c.Positions[part]
	if p.Rank&rankPaid < rank&rankPaid || p.Rank&rankPaid == rank&rankPaid && (p.Rank == 0 || e.Created.Before(&p.Created)) {
		p.Created = e.Created
	}
	p.Authority, p.EventID, p.Rank = v1alpha1.AuthorityState, e.PaymentIntentID, p.Rank|rank
	setPosition(&c.Positions, part, p)
	settleByIntents(c) // also by an intent whose report comes so late that it is not remembered
	ids := idsByPosition(c.Positions, partIntentPrefix)
	for _, dropped := range ids[min(len(ids), maxIntents):] {
		delete(c.Positions, partIntentPrefix+dropped)
	}
	c.Purchases = keepMost(c.Purchases)
}

// settleByIntents makes purchases paid or failed whose payment intents are known to be. State stays what the session says, and a
// session that says itself that it is paid needs no intent: so those that are not remembered any more change nothing of it.
func settleByIntents(c *v1alpha1.CustomerStatus) {
	for i := range c.Purchases {
		p := &c.Purchases[i]
		intent := c.Positions[partIntentPrefix+p.PaymentIntentID]
		if intent.Rank&rankCanceled != 0 && p.State == v1alpha1.CheckoutUnpaid {
			p.State = v1alpha1.CheckoutFailed
		}
		if intent.Rank&rankPaid != 0 && p.State != v1alpha1.CheckoutPaid {
			keepEarliest(&p.PaidAt, &intent.Created)
		}
	}
}

// isPaidByIntent reports whether the purchase is paid because its payment intent says so, and nothing else does.
func isPaidByIntent(p *v1alpha1.Purchase) bool {
	return p.PaidAt != nil && p.State != v1alpha1.CheckoutPaid
}

// readPaidByIntent takes what was read of a purchase that its payment intent has paid. A reading that finds the payment leaves its
// time, and the intent's says nothing of the session. The session's word does not refute that of its intent, which it may not follow.
func readPaidByIntent(p, read *v1alpha1.Purchase, e *Event) {
	switch {
	case read.State != v1alpha1.CheckoutPaid:
	case e.Payment != nil:
		read.State, read.PaidAt = p.State, nil
	default:
		read.PaidAt = p.PaidAt.DeepCopy()
	}
}

// refuteIntent forgets that an intent succeeded that Stripe, when read later, has as another. It reports whether a purchase was paid
// by that alone, and is not any more.
func refuteIntent(c *v1alpha1.CustomerStatus, p *v1alpha1.Purchase, e *Event) (wasPaid bool) {
	if e.Payment == nil || e.Payment.Status == intentSucceeded {
		return false
	}
	part := partIntentPrefix + p.PaymentIntentID
	if intent := c.Positions[part]; intent.Rank&rankPaid != 0 && intent.Created.Before(&e.Created) {
		delete(c.Positions, part)
	}
	if wasPaid = isPaidByIntent(p) && p.PaidAt.Before(&e.Created); wasPaid {
		p.PaidAt = nil
	}
	return wasPaid
}

// IntentPaidAt is when the payment intent first succeeded, as far as an event that is remembered reports it; nil if none does.
func IntentPaidAt(c *v1alpha1.CustomerStatus, id string) *metav1.Time {
	if id == "" {
		return nil
	}
	if p, known := c.Positions[partIntentPrefix+id]; known && p.Rank&rankPaid != 0 {
		return &p.Created
	}
	if paidAt := firstPayment(c, id); paidAt != nil {
		return paidAt
	}
	i := slices.IndexFunc(c.InvoicePayments, func(p v1alpha1.InvoicePayment) bool { return p.PaymentIntentID == id })
	if i < 0 {
		return nil
	}
	return &c.InvoicePayments[i].At
}
