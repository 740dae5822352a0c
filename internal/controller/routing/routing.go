// Package routing says which controller takes an object, so that every BillingEvent has exactly one.
package routing

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// ByCustomer is the cache index of pending events, subscriptions and e-mails by the name of their Customer object.
const ByCustomer = "customer"

// ByRecipient is the cache index of Emails by the hash of the address that their latest attempt goes to.
const ByRecipient = "recipient"

// Scope selects the events that are applied: those of one of Stripe's modes, or of both, and of the accounts that are
// let in.
type Scope struct {
	// Livemode is the mode whose events are applied; nil applies both.
	Livemode *bool
	// Accounts are the connected accounts whose events are applied, beside the platform's own.
	Accounts stripeaccount.Selection
}

// CoversMode reports whether events of this event's mode are applied.
func (s Scope) CoversMode(e *v1alpha1.BillingEvent) bool {
	return s.Livemode == nil || *s.Livemode == e.Spec.Livemode
}

// Covers reports whether events of this event's mode and account are applied.
func (s Scope) Covers(e *v1alpha1.BillingEvent) bool {
	return s.CoversMode(e) && s.Accounts.Includes(e.Spec.Account)
}

// CustomerOf returns the name of the Customer whose controller takes the object. It is empty if none does: then a
// BillingEvent belongs to the product controller (IsOfProduct), the thin controller (IsThin) or the unlinked controller.
func (s Scope) CustomerOf(o client.Object) string {
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		if events.RecordedOnly(o.Content()) != "" || !s.Covers(o) || o.Status.Outcome != v1alpha1.OutcomePending || o.CustomerID() == "" {
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

// ToCustomer enqueues the Customer whose controller takes the object.
func (s Scope) ToCustomer() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		name := s.CustomerOf(o)
		if name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
	})
}

// customerOfFailed returns the name of the Customer that a Failed event is about; empty if it names none.
func customerOfFailed(e *v1alpha1.BillingEvent) string {
	if e.CustomerID() == "" {
		return ""
	}
	return naming.Object(e.Spec.Account, e.CustomerID())
}

// ToCustomerOfFailed enqueues the Customer that a Failed event is about.
func ToCustomerOfFailed(_ context.Context, e *v1alpha1.BillingEvent) []reconcile.Request {
	if name := customerOfFailed(e); name != "" {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: e.Namespace, Name: name}}}
	}
	return nil
}

// AddFailedIndex adds the index ByCustomer to the cache of Failed events.
func AddFailedIndex(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.BillingEvent{}, ByCustomer, func(o client.Object) []string {
		if e, ok := o.(*v1alpha1.BillingEvent); ok && customerOfFailed(e) != "" {
			return []string{customerOfFailed(e)}
		}
		return nil
	})
}

// ByAccount is the cache index of Customers by the Account (acct_…) that is the customer, with Accounts v2.
const ByAccount = "account"

func accountsOf(o client.Object) []string {
	if c, ok := o.(*v1alpha1.Customer); ok && c.Status.CustomerAccount != "" {
		return []string{c.Status.CustomerAccount}
	}
	return nil
}

// AddIndexes adds the cache indexes that the controllers list by.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer, scope Scope) error {
	if err := indexer.IndexField(ctx, &v1alpha1.Customer{}, ByAccount, accountsOf); err != nil {
		return err
	}
	if err := addProductIndexes(ctx, indexer, scope); err != nil {
		return err
	}
	if err := addPaymentIndexes(ctx, indexer); err != nil {
		return err
	}
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Subscription{}, &v1alpha1.Email{}} {
		if err := indexer.IndexField(ctx, object, ByCustomer, func(o client.Object) []string {
			if name := scope.CustomerOf(o); name != "" {
				return []string{name}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return indexer.IndexField(ctx, &v1alpha1.Email{}, ByRecipient, func(o client.Object) []string {
		if email, ok := o.(*v1alpha1.Email); ok && email.Status.Attempt != nil && email.Status.Attempt.RecipientHMAC != "" {
			return []string{email.Status.Attempt.RecipientHMAC}
		}
		return nil
	})
}

// UnlessDeleted passes the objects that were created or changed and that match. It drops deletions: a pending event
// leaves the cache when its outcome is written.
func UnlessDeleted(match func(client.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return match(e.Object) },
		UpdateFunc:  func(e event.UpdateEvent) bool { return match(e.ObjectNew) },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(e event.GenericEvent) bool { return match(e.Object) },
	}
}
