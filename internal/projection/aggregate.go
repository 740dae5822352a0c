package projection

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Event is what is folded: the envelope and the record of a BillingEvent.
type Event = v1alpha1.BillingEventSpec

// Aggregate is one customer with all its subscriptions: what one reconciler owns and writes.
type Aggregate struct {
	// Customer is the customer's status.
	Customer v1alpha1.CustomerStatus
	// Subscriptions are the subscriptions' statuses by Stripe's id.
	Subscriptions map[string]*v1alpha1.SubscriptionStatus
}

// DeepCopy returns a copy that shares nothing with the original.
func (a *Aggregate) DeepCopy() *Aggregate {
	copied := &Aggregate{Customer: *a.Customer.DeepCopy()}
	if a.Subscriptions != nil {
		copied.Subscriptions = make(map[string]*v1alpha1.SubscriptionStatus, len(a.Subscriptions))
		for id, s := range a.Subscriptions {
			copied.Subscriptions[id] = s.DeepCopy()
		}
	}
	return copied
}

// ensureSubscription returns the status of the subscription with the id, and adds an empty one if there is none. It
// returns nil if the id is empty.
func (a *Aggregate) ensureSubscription(id string) *v1alpha1.SubscriptionStatus {
	if id == "" || a.Subscriptions[id] != nil {
		return a.Subscriptions[id]
	}
	if a.Subscriptions == nil {
		a.Subscriptions = map[string]*v1alpha1.SubscriptionStatus{}
	}
	a.Subscriptions[id] = &v1alpha1.SubscriptionStatus{}
	return a.Subscriptions[id]
}
