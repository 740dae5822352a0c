// Package controller holds the reconcilers. They are thin: load, call the pure code, persist.
//
//	events     BillingEvents that no customer's reconciler takes: of types that are not handled, or that name no customer
//	sync       asking Stripe where the events leave a doubt, or somebody wants to know
//	customer   a customer, its subscriptions and the events about them: the one writer of all their statuses
//	email      Emails
package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// byCustomer indexes pending events, subscriptions and e-mails by the name of their Customer object.
const byCustomer = "customer"

// Scope tells which events are applied: those of one of Stripe's modes, or of both.
type Scope struct {
	// Livemode is the mode whose events are applied; nil for both.
	Livemode *bool
}

// covers says whether the event is of a mode that is applied.
func (s Scope) covers(e *v1alpha1.BillingEvent) bool {
	return s.Livemode == nil || *s.Livemode == e.Spec.Livemode
}

// Index adds the indexes that the reconcilers list by.
func Index(ctx context.Context, indexer client.FieldIndexer, scope Scope) error {
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Subscription{}, &v1alpha1.Email{}} {
		if err := indexer.IndexField(ctx, object, byCustomer, func(o client.Object) []string {
			return nonEmpty(scope.customerOf(o))
		}); err != nil {
			return err
		}
	}
	return nil
}

// customerOf is the name of the Customer whose reconciler takes the object; empty if none does.
func (s Scope) customerOf(o client.Object) string {
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		_, handled := events.Lookup(o.Spec.Type)
		if !handled || !s.covers(o) || o.Status.Outcome != v1alpha1.OutcomePending || o.CustomerID() == "" {
			return ""
		}
		return naming.Object(o.Spec.Account, o.CustomerID())
	case *v1alpha1.Subscription:
		return o.Spec.CustomerRef.Name
	case *v1alpha1.Email:
		return o.Spec.CustomerRef.Name
	default:
		return ""
	}
}

func nonEmpty(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}
