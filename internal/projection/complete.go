package projection

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EventsGone notes that the status is lost, and that events which Stripe created before the time may be gone. So what is known of
// the customer may not be whole, unless an event of its creation is folded that is not older. Example, with events gone before
// March:
//
//	The Customer is deleted by mistake. Its customer.created of January is gone, and so is that of its yearly subscription.
//	The invoice of a monthly one, of May, is folded again: it says nothing about the yearly one.
func EventsGone(a *Aggregate, before metav1.Time) {
	a.Customer.EventsGoneBefore = before.DeepCopy()
	if known := a.Customer.Complete; known != nil && known.Source != v1alpha1.CompleteByDeletion {
		a.Customer.Complete = nil
	}
}

// KeepByName keeps subscriptions whose states are lost: they are known by name only, until an event or a reading reports their
// states. Until then no negative decision is made (see package entitlement), and with a Stripe key the customer is read
// (IsPartlyKnown). Example:
//
//	The import has read sub_A (active), and no event of it was ever recorded. A person deletes its object.
//	sub_A stays without a status, and Entitled is Unknown. Then Stripe is read: it has sub_A active, or canceled.
//
// The deletion of the customer has ended them.
func KeepByName(a *Aggregate, subscriptionIDs []string) {
	for _, id := range subscriptionIDs {
		a.ensureSubscription(id)
	}
	settleDeletion(a)
}

// Created notes that the recorded history starts with the customer, so that all of its subscriptions are known. It wins
// over a listing, and the earliest such event wins, so that the result does not depend on what arrives first.
//
// A lost status is not known whole by a creation after which events may be gone.
func Created(a *Aggregate, e *Event) bool {
	if gone := a.Customer.EventsGoneBefore; gone != nil && e.Created.Before(gone) {
		return false
	}
	a.Customer.EventsGoneBefore = nil
	known := a.Customer.Complete
	if known == nil || known.Source != v1alpha1.CompleteFromCreation || e.Created.Before(&known.At) {
		a.Customer.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteFromCreation, At: e.Created}
	}
	return a.Customer.Complete.At.Equal(&e.Created)
}

// Listed notes that all of the customer's subscriptions were listed from Stripe and folded.
func Listed(a *Aggregate, at metav1.Time) {
	a.Customer.EventsGoneBefore = nil
	if a.Customer.Complete == nil {
		a.Customer.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByListing, At: at}
	}
}
