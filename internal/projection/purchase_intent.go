package projection

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	partIntentPrefix = "intent/"
	maxIntents       = 20

	// The ranks of an intent's position.
	rankCanceled = 0
	rankPaid     = 1
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
	known, isKnown := c.Positions[part]
	if !isKnown || known.Rank < rank || known.Rank == rank && e.Created.Before(&known.Created) {
		known = v1alpha1.Position{
			Authority: v1alpha1.AuthorityState, Created: e.Created, Rank: rank, EventID: e.PaymentIntentID, Doubt: known.Doubt,
		}
		setPosition(&c.Positions, part, known)
	}
	ids := idsByPosition(c.Positions, partIntentPrefix)
	for _, dropped := range ids[min(len(ids), maxIntents):] {
		delete(c.Positions, partIntentPrefix+dropped)
	}
	settleByIntents(c)
	c.Purchases = keepMost(c.Purchases)
}

// settleByIntents makes purchases paid or failed whose payment intents are known to be. A purchase that is paid stays so.
func settleByIntents(c *v1alpha1.CustomerStatus) {
	for i := range c.Purchases {
		p := &c.Purchases[i]
		intent, isKnown := c.Positions[partIntentPrefix+p.PaymentIntentID]
		switch {
		case !isKnown:
		case intent.Rank == rankPaid:
			p.State = v1alpha1.CheckoutPaid
			keepEarliest(&p.PaidAt, &intent.Created)
		case p.State == v1alpha1.CheckoutUnpaid:
			p.State = v1alpha1.CheckoutFailed
		}
	}
}

// refuteIntent judges a purchase that was read as unpaid, and that its payment intent has paid by what earlier events said. It
// reports whether the purchase is unpaid. The word of the intent itself does it. That of the session, which may not follow its
// intent, only puts the intent in doubt: the next comparison reads it, too.
func refuteIntent(c *v1alpha1.CustomerStatus, p *v1alpha1.Purchase, e *Event) (isUnpaid bool) {
	part := partIntentPrefix + p.PaymentIntentID
	intent := c.Positions[part]
	switch {
	case intent.Rank != rankPaid || intent.EventID == "":
		return true
	case e.Payment != nil && intent.Created.Before(&e.Created):
		delete(c.Positions, part)
		return true
	}
	intent.Doubt = v1alpha1.DoubtRefuted
	setPosition(&c.Positions, part, intent)
	return false
}

// IntentPaidAt is when the payment intent first succeeded, as far as an event that is remembered reports it; nil if none does.
func IntentPaidAt(c *v1alpha1.CustomerStatus, id string) *metav1.Time {
	if id == "" {
		return nil
	}
	if p, known := c.Positions[partIntentPrefix+id]; known && p.Rank == rankPaid {
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
