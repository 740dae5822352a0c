package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// account is what one reconciliation of a customer works on: the objects as they were read, and the aggregate that becomes
// their statuses.
type account struct {
	customer      *v1alpha1.Customer
	subscriptions map[string]*v1alpha1.Subscription // by Stripe's id; nil where the object is still to be created
	aggregate     projection.Aggregate
	pending       []verdict
	folded        bool         // whether any of them is in the aggregate
	comparison    *comparison  // what Stripe had, if it was asked
	differences   []difference // what showed something else
	next          *time.Time   // when the clock alone changes something
}

// verdict is a pending event and what becomes of it.
type verdict struct {
	event   *v1alpha1.BillingEvent
	outcome v1alpha1.Outcome
	message string
	failure error // why it cannot be handled now
	waits   bool  // until it is tried again
	until   *metav1.Time
}

// foldable are the events whose turn it is, and that can be read.
func (a *account) foldable() []*verdict {
	var events []*verdict
	for i := range a.pending {
		if v := &a.pending[i]; !v.waits && v.outcome != v1alpha1.OutcomeFailed && v.event.Spec.DecodeError == "" {
			events = append(events, v)
		}
	}
	return events
}

// wakeAt has the customer looked at again at the time, if not before.
func (a *account) wakeAt(at *metav1.Time) {
	if at != nil && (a.next == nil || at.Time.Before(*a.next)) {
		a.next = &at.Time
	}
}

// load reads the customer, its subscriptions and the pending events about it. It returns nil if there is nothing to do.
// The cache shows our own writes to customers and subscriptions before it answers.
func (r *CustomerReconciler) load(ctx context.Context, key client.ObjectKey) (*account, error) {
	var pending v1alpha1.BillingEventList
	if err := r.Client.List(ctx, &pending, client.InNamespace(key.Namespace), client.MatchingFields{byCustomer: key.Name},
		client.DisableReadYourWritesConsistency); err != nil {
		return nil, err
	}
	a := &account{customer: &v1alpha1.Customer{}, subscriptions: map[string]*v1alpha1.Subscription{}, comparison: r.Comparisons.peek(key)}
	for i := range pending.Items {
		e := &pending.Items[i]
		due := e.Status.RetryAt
		a.pending = append(a.pending, verdict{event: e, waits: due != nil && due.After(r.Clock.Now()), until: due})
	}
	switch err := r.Client.Get(ctx, key, a.customer); {
	case apierrors.IsNotFound(err) && len(a.pending) > 0:
		a.customer = newCustomer(key, a.pending[0].event)
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if !a.customer.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	var subscriptions v1alpha1.SubscriptionList
	if err := r.Client.List(ctx, &subscriptions, client.InNamespace(key.Namespace), client.MatchingFields{byCustomer: key.Name}); err != nil {
		return nil, err
	}
	for i := range subscriptions.Items {
		s := &subscriptions.Items[i]
		a.subscriptions[s.Spec.SubscriptionID] = s
	}
	return a, r.refuseForeign(ctx, a)
}

// begin makes the aggregate what the objects' statuses are.
func (a *account) begin() {
	a.differences = nil
	a.aggregate = projection.Aggregate{
		Customer: *a.customer.Status.DeepCopy(), Subscriptions: map[string]*v1alpha1.SubscriptionStatus{},
	}
	for id, s := range a.subscriptions {
		if s.Status.LastEvent != nil || s.Status.LastComparison != nil { // else it was made for an event that is still to show in it
			a.aggregate.Subscriptions[id] = s.Status.DeepCopy()
		}
	}
}

// refuseForeign fails the events that name a subscription of another customer. Stripe never moves one.
func (r *CustomerReconciler) refuseForeign(ctx context.Context, a *account) error {
	for i := range a.pending {
		v := &a.pending[i]
		id := v.event.Spec.SubscriptionID
		if v.waits || id == "" || a.subscriptions[id] != nil {
			continue
		}
		var s v1alpha1.Subscription
		key := client.ObjectKey{Namespace: a.customer.Namespace, Name: naming.Object(a.customer.Spec.Account, id)}
		switch err := r.Client.Get(ctx, key, &s); {
		case err == nil && s.Spec.CustomerRef.Name == a.customer.Name:
			a.subscriptions[id] = &s // made since the list was read
		case err == nil:
			v.outcome = v1alpha1.OutcomeFailed
			v.message = fmt.Sprintf("The subscription %s belongs to the customer %s.", id, s.Spec.CustomerRef.Name)
		case !apierrors.IsNotFound(err):
			return err
		}
	}
	return nil
}

// fold applies the pending events, and what Stripe had if it was asked. An event that cannot be read or handled is left out.
func (r *CustomerReconciler) fold(ctx context.Context, a *account) error {
	var changes []projection.Change
	var folded []*verdict
	for _, v := range a.foldable() {
		if v.failure == nil {
			changes = append(changes, r.Change(&v.event.Spec))
			folded = append(folded, v)
		}
	}
	a.begin()
	outcomes, missing := projection.Fold(&a.aggregate, changes)
	if len(missing) > 0 {
		recalled, err := r.recall(ctx, a.customer, missing)
		if err != nil {
			return err
		}
		a.begin()
		outcomes, _ = projection.Fold(&a.aggregate, append(changes, recalled...))
	}
	for i, v := range folded {
		v.outcome = outcomes[i]
		if v.outcome == v1alpha1.OutcomeSuperseded {
			v.message = "Newer events have told all that this one tells."
		}
	}
	a.folded = len(folded) > 0
	a.compare()
	return nil
}

// recall reads events that were folded before. One that is gone leaves its part of the status in doubt.
func (r *CustomerReconciler) recall(ctx context.Context, customer *v1alpha1.Customer, eventIDs []string) ([]projection.Change, error) {
	var changes []projection.Change
	for _, id := range eventIDs {
		var e v1alpha1.BillingEvent
		key := client.ObjectKey{Namespace: customer.Namespace, Name: naming.Object(customer.Spec.Account, id)}
		switch err := r.Reader.Get(ctx, key, &e); {
		case err == nil:
			changes = append(changes, r.Change(&e.Spec))
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("get BillingEvent %s again: %w", key.Name, err)
		}
	}
	return changes, nil
}

// subscriptionIDs lists the subscriptions in a fixed order.
func (a *account) subscriptionIDs() []string {
	return slices.Sorted(maps.Keys(a.aggregate.Subscriptions))
}

func newCustomer(key client.ObjectKey, e *v1alpha1.BillingEvent) *v1alpha1.Customer {
	id := e.CustomerID()
	return &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: naming.Labels("", id, "")},
		Spec:       v1alpha1.CustomerSpec{CustomerID: id, Account: e.Spec.Account},
	}
}

func newSubscription(customer *v1alpha1.Customer, id string) *v1alpha1.Subscription {
	return &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       customer.Namespace,
			Name:            naming.Object(customer.Spec.Account, id),
			Labels:          naming.Labels("", customer.Spec.CustomerID, id),
			OwnerReferences: []metav1.OwnerReference{owner(customer)},
		},
		Spec: v1alpha1.SubscriptionSpec{
			SubscriptionID: id,
			Account:        customer.Spec.Account,
			CustomerRef:    v1alpha1.ObjectReference{Name: customer.Name},
		},
	}
}

// owner makes an object go with its customer. It does not hold up the customer's deletion, which would need another permission.
func owner(customer *v1alpha1.Customer) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "Customer", Name: customer.Name, UID: customer.UID, Controller: new(true),
	}
}
