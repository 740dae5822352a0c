package projection

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	maxCheckouts     = 8
	maxFirstPayments = 8

	// firstPaymentsSpan is how long after the customer's first payment the others are kept. A bank debit is settled
	// within two weeks. The second payment of a monthly plan comes later.
	firstPaymentsSpan = 28 * 24 * time.Hour

	// maxIncomplete is longer than a subscription stays incomplete: 23 hours. See
	// https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle.
	maxIncomplete = 24 * time.Hour
)

// Checkout makes the customer and the subscription known. If the checkout is paid, or needs no payment, it may be the
// sign-up: the customer's first such checkout, by the time at which its session was opened. If it is unpaid, it is kept
// until a delayed payment is known to have succeeded or failed.
//
// For example, a customer opens session A with a bank debit, then session B with a card. B is completed and paid: it is
// the sign-up. Days later A's debit succeeds (checkout.session.async_payment_succeeded): A was opened first and is the
// sign-up from then on. It is the same for any order of the events.
func Checkout(a *Aggregate, e *Event) bool {
	state := v1alpha1.CheckoutUnpaid
	if e.Checkout != nil && isPaid(e.Checkout) {
		state = v1alpha1.CheckoutPaid
	}
	return showCheckout(a, e, state)
}

// CheckoutPaid is Checkout for an event that reports that the delayed payment succeeded.
func CheckoutPaid(a *Aggregate, e *Event) bool { return showCheckout(a, e, v1alpha1.CheckoutPaid) }

// CheckoutFailed is Checkout for an event that reports that the delayed payment failed: the checkout is no sign-up, even
// if its invoice is paid in another way later.
func CheckoutFailed(a *Aggregate, e *Event) bool { return showCheckout(a, e, v1alpha1.CheckoutFailed) }

// CheckoutExpired notes when the session was opened. A session that expired was never completed, so it is no sign-up
// and no history.
func CheckoutExpired(a *Aggregate, e *Event) bool {
	if e.Checkout == nil {
		return false
	}
	keepEarliest(&a.Customer.CustomerSince, openedAt(e))
	return true
}

// isPaid reports whether a completed checkout is paid or needs no payment. Old API versions have no payment_status:
// then a completed session was paid.
func isPaid(record *v1alpha1.CheckoutRecord) bool {
	switch record.PaymentStatus {
	case "", "paid", "no_payment_required":
		return true
	default:
		return false
	}
}

// openedAt is when the session of the event was opened.
func openedAt(e *Event) *metav1.Time { return cmp.Or(e.Checkout.Created, &e.Created) }

func showCheckout(a *Aggregate, e *Event, state v1alpha1.CheckoutState) bool {
	record := e.Checkout
	if record == nil || e.ObjectID == "" {
		return false
	}
	keepEarliest(&a.Customer.CustomerSince, openedAt(e))
	shows := showContactHint(a, e, record.Email, record.Name)
	shows = keepPurchase(a, checkoutPurchase(e, state)) || shows
	if record.Mode == "setup" {
		return shows // a setup of a payment method buys nothing
	}
	keepKnownHistory(a)
	signup := v1alpha1.Signup{
		SessionID: e.ObjectID, StartedAt: *openedAt(e), CompletedAt: e.Created, ClientReferenceID: record.ClientReferenceID,
	}
	reported := v1alpha1.Checkout{Signup: signup, State: state}
	if state != v1alpha1.CheckoutPaid {
		reported.SubscriptionID, reported.PaymentIntentID = e.SubscriptionID, e.PaymentIntentID
	}
	c := &a.Customer
	findSignup(c, keepCheckout(candidates(c), reported))
	isSignup := c.Signup != nil && c.Signup.SessionID == e.ObjectID
	return shows || isSignup || indexOfCheckout(c.Checkouts, e.ObjectID) >= 0
}

// candidates are the checkouts that may be the sign-up: those in the list, and a sign-up that is known to be paid, which
// findSignup takes out of the list.
func candidates(c *v1alpha1.CustomerStatus) []v1alpha1.Checkout {
	list := slices.Clone(c.Checkouts)
	if c.Signup != nil && indexOfCheckout(list, c.Signup.SessionID) < 0 {
		list = append(list, v1alpha1.Checkout{Signup: *c.Signup, State: v1alpha1.CheckoutPaid})
	}
	return list
}

// keepCheckout adds what an event reports about a checkout, and keeps the earliest paid one and those opened before it:
// a later one can not become the sign-up any more.
func keepCheckout(list []v1alpha1.Checkout, reported v1alpha1.Checkout) []v1alpha1.Checkout {
	if i := indexOfCheckout(list, reported.SessionID); i >= 0 {
		list[i] = mergeCheckouts(list[i], reported)
	} else {
		list = append(list, reported)
	}
	slices.SortFunc(list, func(a, b v1alpha1.Checkout) int { return compareSessions(&a.Signup, &b.Signup) })
	firstPaid := slices.IndexFunc(list, func(c v1alpha1.Checkout) bool { return c.State == v1alpha1.CheckoutPaid })
	if firstPaid < 0 {
		return list[:min(len(list), maxCheckouts)]
	}
	return append(list[:min(firstPaid, maxCheckouts-1)], list[firstPaid])
}

// mergeCheckouts merges what two events report about one checkout: a payment wins over its failure, and that over
// waiting for it. Of two alike the earlier event counts.
func mergeCheckouts(a, b v1alpha1.Checkout) v1alpha1.Checkout {
	if cmp.Or(
		cmp.Compare(rankOfCheckout(b.State), rankOfCheckout(a.State)),
		compareSessions(&a.Signup, &b.Signup),
		a.CompletedAt.Compare(b.CompletedAt.Time),
		cmp.Compare(a.ClientReferenceID, b.ClientReferenceID),
		cmp.Compare(a.SubscriptionID, b.SubscriptionID),
		cmp.Compare(a.PaymentIntentID, b.PaymentIntentID),
	) <= 0 {
		return a
	}
	return b
}

func rankOfCheckout(state v1alpha1.CheckoutState) int {
	return slices.Index([]v1alpha1.CheckoutState{v1alpha1.CheckoutUnpaid, v1alpha1.CheckoutFailed, v1alpha1.CheckoutPaid}, state)
}

func indexOfCheckout(list []v1alpha1.Checkout, sessionID string) int {
	return slices.IndexFunc(list, func(c v1alpha1.Checkout) bool { return c.SessionID == sessionID })
}

// compareSessions orders checkouts by when their sessions were opened.
func compareSessions(a, b *v1alpha1.Signup) int {
	return cmp.Or(a.StartedAt.Compare(b.StartedAt.Time), cmp.Compare(a.SessionID, b.SessionID))
}

// findSignup makes the earliest of the checkouts that was paid the sign-up, and keeps the others. A payment of an unpaid
// checkout's payment intent, or an invoice of its subscription, pays it: an endpoint may receive no
// checkout.session.async_payment_succeeded.
func findSignup(c *v1alpha1.CustomerStatus, list []v1alpha1.Checkout) {
	c.Signup = nil
	for i := range list {
		paidAt := list[i].CompletedAt
		switch list[i].State {
		case v1alpha1.CheckoutFailed:
			continue
		case v1alpha1.CheckoutUnpaid:
			payment := firstPayment(c, list[i].PaymentIntentID, list[i].SubscriptionID)
			if payment == nil {
				continue
			}
			if paidAt.Before(payment) {
				paidAt = *payment
			}
		}
		if c.Signup == nil || compareSessions(&list[i].Signup, c.Signup) < 0 {
			c.Signup = list[i].Signup.DeepCopy()
			c.Signup.CompletedAt = paidAt
		}
	}
	c.Checkouts = slices.DeleteFunc(list, func(known v1alpha1.Checkout) bool {
		return known.State == v1alpha1.CheckoutPaid && c.Signup != nil && known.SessionID == c.Signup.SessionID
	})
	if len(c.Checkouts) == 0 {
		c.Checkouts = nil
	}
}

// keepPayment keeps when the customer first paid more than nothing, and the first payments of the payment intent and of
// the subscription that the event names.
func keepPayment(c *v1alpha1.CustomerStatus, e *Event, amount int64, at *metav1.Time) {
	if amount <= 0 || at == nil {
		return
	}
	keepEarliest(&c.PaidSince, at)
	for _, id := range []string{e.PaymentIntentID, e.SubscriptionID} {
		if id == "" {
			continue
		}
		payment := v1alpha1.FirstPayment{ID: id, At: *at}
		if known := firstPayment(c, id); known != nil && known.Before(at) {
			payment.At = *known
		}
		c.FirstPayments = upsert(c.FirstPayments, payment, func(p *v1alpha1.FirstPayment) string { return p.ID })
	}
	last := c.PaidSince.Add(firstPaymentsSpan)
	c.FirstPayments = slices.DeleteFunc(c.FirstPayments, func(p v1alpha1.FirstPayment) bool { return p.At.After(last) })
	slices.SortFunc(c.FirstPayments, func(a, b v1alpha1.FirstPayment) int {
		return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.ID, b.ID))
	})
	c.FirstPayments = c.FirstPayments[:min(len(c.FirstPayments), maxFirstPayments)]
	findSignup(c, candidates(c))
}

// firstPayment is when the earliest known payment of any of the payment intents or subscriptions succeeded; nil if none
// is known.
func firstPayment(c *v1alpha1.CustomerStatus, ids ...string) *metav1.Time {
	for i := range c.FirstPayments { // sorted by time
		if slices.Contains(ids, c.FirstPayments[i].ID) {
			return &c.FirstPayments[i].At
		}
	}
	return nil
}

// keepServedSince keeps when the customer was first served, if the subscription's state shows that it was.
func keepServedSince(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionState) {
	if wasServed(s) {
		keepEarliest(&c.ServedSince, s.StartedAt)
	}
}

// wasServed reports whether a state shows that the subscription is or was trialing, active or past due. A canceled or
// paused one had a trial, or lasted longer than the 23 hours for which Stripe leaves a subscription incomplete.
func wasServed(s *v1alpha1.SubscriptionState) bool {
	switch s.Status {
	case StatusTrialing, StatusActive, StatusPastDue, StatusUnpaid:
		return true
	case StatusCanceled, StatusPaused:
		return s.TrialStart != nil || s.StartedAt != nil && s.EndedAt != nil && s.EndedAt.Sub(s.StartedAt.Time) > maxIncomplete
	default:
		return false
	}
}

// keepKnownHistory keeps what a status that an earlier version wrote knows of the time before the first checkout.
func keepKnownHistory(a *Aggregate) {
	for _, s := range a.Subscriptions {
		if !isEndedByDeletion(a.Customer.DeletedAt, s) { // its state was noted with its event, and its end is derived
			keepServedSince(&a.Customer, &s.SubscriptionState)
		}
	}
	if last := a.Customer.LastPayment; last != nil && last.Amount > 0 {
		keepEarliest(&a.Customer.PaidSince, &last.At)
	}
}

// mayHaveBeenServed reports whether a canceled or paused subscription may have been served, although no state shows it.
// It was not if it began incomplete: then an event would have reported another status in between.
func mayHaveBeenServed(s *v1alpha1.SubscriptionStatus) bool {
	_, beganIncomplete := s.StatusSince[StatusIncomplete]
	return (s.Status == StatusCanceled || s.Status == StatusPaused) && !beganIncomplete
}

// IsNew reports whether the customer signed up as a new one: it was not served and had paid nothing before the session
// of its sign-up was opened. Attempts that failed, drafts and expired sessions do not count.
func IsNew(a *Aggregate) bool {
	c := &a.Customer
	if c.Signup == nil || c.ServedSince.Before(&c.Signup.StartedAt) || c.PaidSince.Before(&c.Signup.StartedAt) {
		return false
	}
	for _, s := range a.Subscriptions {
		if mayHaveBeenServed(s) && s.StartedAt.Before(&c.Signup.StartedAt) {
			return false
		}
	}
	return true
}
