package projection

import (
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// CustomerDeleted shows that Stripe has deleted the customer. Stripe never undoes that, and nothing can be sold to the
// customer any more: personal data leaves the status, whatever comes later. Of several reports the earliest counts: a
// reading is later than the deletion that it reports. See https://docs.stripe.com/api/customers/delete.
func CustomerDeleted(a *Aggregate, e *Event) bool {
	c, p := &a.Customer, positionOf(e, v1alpha1.AuthorityFinal, typeRank(e.Type))
	if isRefuted(c, e) {
		return false
	}
	known := c.DeletedAt
	if known == nil || e.Created.Before(known) ||
		e.Created.Equal(known) && comparePositions(p, c.Positions[partProfile]) > 0 {
		c.DeletedAt = e.Created.DeepCopy()
		setPosition(&c.Positions, partProfile, p)
	}
	forgetPerson(c)
	return c.Positions[partProfile].EventID == e.EventID
}

// forgetPerson removes what Stripe removes with the customer: the profile and the payment methods.
func forgetPerson(c *v1alpha1.CustomerStatus) {
	c.Email, c.Name, c.Delinquent, c.Metadata, c.UnreadableFields = "", "", false, nil, nil
	c.DefaultPaymentMethodID, c.PaymentMethods = "", nil
	maps.DeleteFunc(c.Positions, func(part string, _ v1alpha1.Position) bool {
		return strings.HasPrefix(part, partMethodPrefix)
	})
}

// settleDeletion derives what follows from a deletion: all subscriptions are known and have ended, and there are no features.
// It comes after the events, so that it holds whatever their order. Example:
//
//	evt_1  customer.deleted at 10:00, and the event of the subscription's end is lost.
//	evt_2  customer.subscription.updated of 09:59 (active, 3 seats) arrives: it shows 3 seats, and canceled at 10:00.
func settleDeletion(a *Aggregate) {
	deletedAt := a.Customer.DeletedAt
	if deletedAt == nil {
		return
	}
	forgetFeatures(&a.Customer)
	if known := a.Customer.Complete; known == nil || known.Source != v1alpha1.CompleteFromCreation {
		a.Customer.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByDeletion, At: *deletedAt}
	}
	for _, s := range a.Subscriptions {
		if isEndedByDeletion(deletedAt, s) {
			s.Status, s.EndedAt = StatusCanceled, deletedAt.DeepCopy()
		}
	}
}

// isEndedByDeletion reports whether the subscription has ended with its customer, and no event has reported its own end.
func isEndedByDeletion(deletedAt *metav1.Time, s *v1alpha1.SubscriptionStatus) bool {
	return deletedAt != nil && StatePosition(s).Authority != v1alpha1.AuthorityFinal
}

// refuteDeletion takes back a deletion if Stripe has the customer at a later time, and reports whether it did: Stripe
// never brings a customer back, so the event was forged. The subscriptions' states are read again, since not all of them
// are known any more.
func refuteDeletion(c *v1alpha1.CustomerStatus, e *Event) bool {
	if c.DeletedAt == nil || !c.DeletedAt.Before(&e.Created) {
		return false
	}
	c.DeletedAt = nil
	if c.Complete != nil && c.Complete.Source == v1alpha1.CompleteByDeletion {
		c.Complete = nil
	}
	delete(c.Positions, partProfile)
	return true
}

// doubtEnds puts the features in doubt, and the subscriptions whose end followed from a deletion that was taken back.
func doubtEnds(a *Aggregate) {
	for _, s := range a.Subscriptions {
		if p := StatePosition(s); p.Authority != v1alpha1.AuthorityFinal {
			p.Doubt = v1alpha1.DoubtRefuted
			setPosition(&s.Positions, partState, p)
		}
	}
	doubtFeatures(&a.Customer)
}

// isRefuted reports whether Stripe had the customer after the event of its deletion.
func isRefuted(c *v1alpha1.CustomerStatus, e *Event) bool {
	p := c.Positions[partProfile]
	return isReading(p) && p.Authority == v1alpha1.AuthorityState && e.Created.Before(&p.Created)
}

// IsDeletionConfirmed reports whether Stripe, when read, said that the customer is deleted. Until then, with a Stripe key, a
// deletion is in doubt: an event may be forged.
func IsDeletionConfirmed(c *v1alpha1.CustomerStatus) bool {
	return c.DeletedAt != nil && isReading(c.Positions[partProfile])
}

// readDeletion confirms a deletion, or shows one that no event has reported.
func readDeletion(a *Aggregate, e *Event) Difference {
	c := &a.Customer
	if c.DeletedAt != nil {
		if !e.Created.Before(c.DeletedAt) {
			setPosition(&c.Positions, partProfile, positionOf(e, v1alpha1.AuthorityFinal, typeRank(e.Type)))
		}
		return Difference{}
	}
	CustomerDeleted(a, e)
	return Difference{Repaired: []string{"deletedAt"}}
}
