package customer

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// load reads the customer, its subscriptions and the pending events about it. It returns nil if there is nothing to do.
// Reads of customers and subscriptions wait until the cache shows this process's own writes.
func (r *Reconciler) load(ctx context.Context, key client.ObjectKey, batch *readings.Batch) (*reconciliation, error) {
	c := &reconciliation{
		customer: &v1alpha1.Customer{}, subscriptions: map[string]*v1alpha1.Subscription{}, batch: batch, inMailbox: batch,
	}
	if err := r.loadPending(ctx, c, key); err != nil {
		return nil, err
	}
	switch err := r.Client.Get(ctx, key, c.customer); {
	case apierrors.IsNotFound(err) && len(c.pending) > 0:
		c.customer = newCustomer(key, c.pending[0].CustomerID(), c.pending[0].Spec.Account)
	case apierrors.IsNotFound(err) && c.batch != nil && c.batch.CustomerID != "":
		c.customer = newCustomer(key, c.batch.CustomerID, c.batch.Account)
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if !c.customer.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	if c.customer.Name != naming.Object(c.customer.Spec.Account, c.customer.Spec.CustomerID) {
		return nil, r.refuseName(ctx, c.customer)
	}
	c.erasure = r.Erased.Peek(key)
	for _, step := range []func(context.Context, *reconciliation) error{
		r.failForeign, r.loadSubscriptions, r.failMisassigned, r.leaveOutMisassigned, r.countFailed, r.findLost, r.loadRecorded,
	} {
		if err := step(ctx, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// loadSubscriptions reads the customer's Subscriptions. It leaves out those that belong to a deleted Customer of the
// same name, which the garbage collector deletes, and those whose name does not follow from the Stripe id, which a
// person has made.
func (r *Reconciler) loadSubscriptions(ctx context.Context, c *reconciliation) error {
	var subscriptions v1alpha1.SubscriptionList
	if err := r.Client.List(ctx, &subscriptions,
		client.InNamespace(c.customer.Namespace), client.MatchingFields{routing.ByCustomer: c.customer.Name}); err != nil {
		return err
	}
	for i := range subscriptions.Items {
		s := &subscriptions.Items[i]
		owner := metav1.GetControllerOf(s)
		switch {
		case s.Name != naming.Object(s.Spec.Account, s.Spec.SubscriptionID):
			if err := r.refuseName(ctx, s); err != nil {
				return err
			}
		case owner == nil || owner.UID == c.customer.UID:
			c.subscriptions[s.Spec.SubscriptionID] = s
		}
	}
	return nil
}

// countFailed counts the Failed events about the customer: those that a person has dismissed apart from the others.
func (r *Reconciler) countFailed(ctx context.Context, c *reconciliation) error {
	var events v1alpha1.BillingEventList
	if err := r.Failed.List(ctx, &events, client.InNamespace(c.customer.Namespace),
		client.MatchingFields{routing.ByCustomer: c.customer.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("count the Failed events of Customer %s: %w", c.customer.Name, err)
	}
	for i := range events.Items {
		if events.Items[i].IsDismissed() {
			c.dismissed++
		} else {
			c.failed++
		}
	}
	return nil
}

func (r *Reconciler) loadPending(ctx context.Context, c *reconciliation, key client.ObjectKey) error {
	var events v1alpha1.BillingEventList
	if err := r.Client.List(ctx, &events, client.InNamespace(key.Namespace), client.MatchingFields{routing.ByCustomer: key.Name},
		client.DisableReadYourWritesConsistency); err != nil {
		return err
	}
	for i := range events.Items {
		events.Items[i].TakeContent()
		e := &pendingEvent{BillingEvent: &events.Items[i]}
		if at := e.Status.RetryAt; at != nil && at.After(r.Clock.Now()) {
			e.deferred = true
		}
		processed := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionProcessed)
		c.wasRejected = c.wasRejected || processed != nil && processed.Reason == v1alpha1.ReasonWriteRejected
		if e.Spec.DecodeError != "" {
			e.outcome, e.message = v1alpha1.OutcomeFailed, e.Spec.DecodeError
		}
		c.pending = append(c.pending, e)
	}
	slices.SortFunc(c.pending, func(a, b *pendingEvent) int { return projection.CompareEvents(&a.Spec, &b.Spec) })
	return nil
}
