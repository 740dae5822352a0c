package projection

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Created notes that the recorded history starts with the customer, so that all of its subscriptions are known. It wins
// over a listing, and the earliest such event wins, so that the result does not depend on what arrives first.
func Created(a *Aggregate, e *Event) bool {
	known := a.Customer.Complete
	if known == nil || known.Source != v1alpha1.CompleteFromCreation || e.Created.Before(&known.At) {
		a.Customer.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteFromCreation, At: e.Created}
	}
	return a.Customer.Complete.At.Equal(&e.Created)
}

// Listed notes that all of the customer's subscriptions were listed from Stripe and folded.
func Listed(a *Aggregate, at metav1.Time) {
	if a.Customer.Complete == nil {
		a.Customer.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByListing, At: at}
	}
}
