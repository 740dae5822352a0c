package projection

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Parts of a Customer's status that its own events and checkouts write.
const (
	partProfile = "profile"
	partSignup  = "signup"
)

// Profile shows the customer's profile at Stripe.
func Profile(a *Aggregate, e *Event) bool {
	c, record := &a.Customer, e.Customer
	if record == nil ||
		!takeStatePart(&c.Positions, partProfile, positionOf(e, v1alpha1.AuthorityState, typeRank(e.Type)), record.Trace) {
		return false
	}
	c.Email, c.Name = record.Email, record.Name
	c.Delinquent = record.Delinquent
	c.DefaultPaymentMethodID = record.DefaultPaymentMethodID
	c.Metadata = record.DeepCopy().Metadata
	return true
}

// showContactHint shows e-mail address and name from an event that is not about the customer.
func showContactHint(a *Aggregate, e *Event, email, name string) bool {
	if email == "" || !takePart(&a.Customer.Positions, partProfile, positionOf(e, v1alpha1.AuthorityHint, 0)) {
		return false
	}
	a.Customer.Email, a.Customer.Name = email, name
	return true
}

// Checkout makes the customer and the subscription known, and keeps the first checkout as the sign-up.
func Checkout(a *Aggregate, e *Event) bool {
	record := e.Checkout
	if record == nil || e.ObjectID == "" {
		return false
	}
	started := e.Created
	if record.Created != nil {
		started = *record.Created
	}
	keepEarliest(&a.Customer.CustomerSince, &started)
	shows := showContactHint(a, e, record.Email, record.Name)
	p := positionOf(e, v1alpha1.AuthorityState, 0)
	if earliest, taken := a.Customer.Positions[partSignup]; !taken || comparePositions(p, earliest) <= 0 {
		setPosition(&a.Customer.Positions, partSignup, p)
		a.Customer.Signup = &v1alpha1.Signup{
			SessionID:         e.ObjectID,
			StartedAt:         started,
			CompletedAt:       e.Created,
			ClientReferenceID: record.ClientReferenceID,
		}
		shows = true
	}
	return shows
}

// IsSignup reports whether the event is the checkout by which a new customer signed up: the customer's first checkout,
// with no earlier subscription, invoice or payment known.
func IsSignup(c *v1alpha1.CustomerStatus, e *Event) bool {
	return e.Checkout != nil && c.Signup != nil && c.Signup.SessionID == e.ObjectID &&
		!c.CustomerSince.Before(&c.Signup.StartedAt)
}
