// Package controller holds the reconcilers. They are thin: load, call the pure code, persist.
//
//	events     BillingEvents that no customer's reconciler takes: of types that are not handled, or that name no customer
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

// byCustomer indexes pending events and subscriptions by the name of their Customer object.
const byCustomer = "customer"

// Index adds the indexes that the reconcilers list by.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &v1alpha1.BillingEvent{}, byCustomer, func(o client.Object) []string {
		return nonEmpty(customerOf(o))
	}); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &v1alpha1.Subscription{}, byCustomer, func(o client.Object) []string {
		return nonEmpty(customerOf(o))
	})
}

// customerOf is the name of the Customer whose reconciler takes the object; empty if none does.
func customerOf(o client.Object) string {
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		_, handled := events.Lookup(o.Spec.Type)
		if !handled || o.Status.Outcome != v1alpha1.OutcomePending || o.CustomerID() == "" {
			return ""
		}
		return naming.Object(o.Spec.Account, o.CustomerID())
	case *v1alpha1.Subscription:
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
