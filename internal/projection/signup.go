package projection

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Checkout makes the customer and the subscription known. If the checkout is paid, or needs no payment, it may be the
// sign-up: the customer's first such checkout, by the time at which its session was opened.
//
// For example, a customer opens session A with a bank debit, then session B with a card. B is completed and paid: it is
// the sign-up. Days later A's debit succeeds (checkout.session.async_payment_succeeded): A was opened first and is the
// sign-up from then on. It is the same for any order of the events.
func Checkout(a *Aggregate, e *Event) bool {
	record := e.Checkout
	if record == nil || e.ObjectID == "" {
		return false
	}
	opened := e.Created
	if record.Created != nil {
		opened = *record.Created
	}
	keepEarliest(&a.Customer.CustomerSince, &opened)
	shows := showContactHint(a, e, record.Email, record.Name)
	if !isPaidCheckout(record) {
		return shows
	}
	signup := &v1alpha1.Signup{
		SessionID: e.ObjectID, StartedAt: opened, CompletedAt: e.Created, ClientReferenceID: record.ClientReferenceID,
	}
	if known := a.Customer.Signup; known == nil || compareSignups(signup, known) <= 0 {
		a.Customer.Signup = signup
		shows = true
	}
	return shows
}

// isPaidCheckout reports whether the customer got something by the checkout. A setup of a payment method buys nothing. An
// unpaid checkout waits for a delayed payment, which another event reports. Old API versions have no payment_status:
// then a completed session was paid.
func isPaidCheckout(record *v1alpha1.CheckoutRecord) bool {
	return record.Mode != "setup" && record.PaymentStatus != "unpaid"
}

// compareSignups orders sign-ups by their sessions. Of two events about one session the earlier one comes first.
func compareSignups(a, b *v1alpha1.Signup) int {
	return cmp.Or(
		a.StartedAt.Compare(b.StartedAt.Time),
		cmp.Compare(a.SessionID, b.SessionID),
		a.CompletedAt.Compare(b.CompletedAt.Time),
	)
}

// keepServedSince keeps when the customer was first served, if the subscription's status shows that it was.
func keepServedSince(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionState) {
	switch s.Status {
	case "", StatusIncomplete, StatusIncompleteExpired:
	default:
		keepEarliest(&c.ServedSince, s.StartedAt)
	}
}

// keepPaidSince keeps when the customer first paid more than nothing.
func keepPaidSince(c *v1alpha1.CustomerStatus, amount int64, at *metav1.Time) {
	if amount > 0 {
		keepEarliest(&c.PaidSince, at)
	}
}

// IsNew reports whether the customer signed up as a new one: it was not served and had paid nothing before the session
// of its sign-up was opened. Attempts that failed, drafts and expired sessions do not count.
func IsNew(c *v1alpha1.CustomerStatus) bool {
	return c.Signup != nil && !c.ServedSince.Before(&c.Signup.StartedAt) && !c.PaidSince.Before(&c.Signup.StartedAt)
}
