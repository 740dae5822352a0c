package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// partProfile is the part of a Customer's status that its own events write.
const partProfile = "profile"

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
	c.UnreadableFields = slices.Clone(record.UnreadableFields)
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
