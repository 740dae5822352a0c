package unlinked

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// linkByAccount looks for the customer of an event that names an Account only: by the event's subscription, by what the
// cluster knows of the Account, and after StripeDelay at Stripe. If there is none, the Account itself is the customer.
func (r *Reconciler) linkByAccount(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	age := r.Clock.Since(e.CreationTimestamp.Time)
	for _, find := range []func(context.Context, *v1alpha1.BillingEvent) (string, error){
		r.customerOfSubscription, r.customerKnownByAccount, r.customerNamedWithAccount,
	} {
		if customerID, err := find(ctx, e); err != nil || customerID != "" {
			return r.linkUnlessFailed(ctx, e, customerID, err)
		}
	}
	if age < r.StripeDelay { // an event that names both may be on its way
		return ctrl.Result{RequeueAfter: min(time.Second, r.StripeDelay-age)}, nil
	}
	customerID := ""
	if r.Stripe != nil {
		var err error
		if customerID, err = r.customerOfAccountAtStripe(ctx, e); err != nil && r.awaitsStripe(ctx, e, err) {
			return requeue.OnStripeError(err)
		}
	}
	return r.linkTo(ctx, e, cmp.Or(customerID, e.Spec.CustomerAccount))
}

// linkBySubscription looks for the customer of an event that names neither a customer nor an Account, although its
// object must have one. If no Subscription shows the customer, the event fails: a person can retry it.
func (r *Reconciler) linkBySubscription(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	customerID, err := r.customerOfSubscription(ctx, e)
	if err != nil || customerID != "" {
		return r.linkUnlessFailed(ctx, e, customerID, err)
	}
	message := fmt.Sprintf("The event names no customer (customer, customer_account) of the %s %s, so it was applied to nothing. ",
		e.Spec.ObjectKind, e.Spec.ObjectID)
	if e.Spec.SubscriptionID != "" {
		message += fmt.Sprintf("Find the customer of the subscription %s in Stripe's dashboard and resync it (%s). "+
			"When the Subscription shows, retry this event (%s).",
			e.Spec.SubscriptionID, v1alpha1.AnnotationResync, v1alpha1.AnnotationRetry)
	} else {
		message += "Find its customer in Stripe's dashboard and resync it (" + v1alpha1.AnnotationResync + ")."
	}
	return r.end(ctx, e, v1alpha1.OutcomeFailed, message)
}

func (r *Reconciler) linkUnlessFailed(ctx context.Context, e *v1alpha1.BillingEvent, customerID string, err error) (ctrl.Result, error) {
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.linkTo(ctx, e, customerID)
}

// customerOfSubscription is the customer that the event's Subscription belongs to: Stripe never moves one.
func (r *Reconciler) customerOfSubscription(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	if e.Spec.SubscriptionID == "" {
		return "", nil
	}
	var s v1alpha1.Subscription
	key := client.ObjectKey{Namespace: e.Namespace, Name: naming.Object(e.Spec.Account, e.Spec.SubscriptionID)}
	if err := r.Client.Get(ctx, key, &s); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	var c v1alpha1.Customer
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: e.Namespace, Name: s.Spec.CustomerRef.Name}, &c); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	return c.Spec.CustomerID, nil
}

// customerKnownByAccount is the customer whose status shows the event's Account; with its own id rather than the
// Account's if there are two.
func (r *Reconciler) customerKnownByAccount(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	var list v1alpha1.CustomerList
	if err := r.Client.List(ctx, &list, client.InNamespace(e.Namespace), client.MatchingFields{routing.ByAccount: e.Spec.CustomerAccount}); err != nil {
		return "", err
	}
	var ids []string
	for i := range list.Items {
		if spec := &list.Items[i].Spec; spec.Account == e.Spec.Account {
			ids = append(ids, spec.CustomerID)
		}
	}
	return firstOtherThan(e.Spec.CustomerAccount, ids), nil
}

// customerNamedWithAccount is the customer that a recorded event names beside the Account: it may not be applied yet.
func (r *Reconciler) customerNamedWithAccount(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	age := r.Clock.Since(e.CreationTimestamp.Time)
	if !r.searches.isDue(e, age, r.StripeDelay) {
		return "", nil
	}
	ended := r.searches.begin(e, age)
	var list v1alpha1.BillingEventList
	if err := r.Reader.List(ctx, &list, client.InNamespace(e.Namespace),
		client.MatchingFields{v1alpha1.FieldCustomerAccount: e.Spec.CustomerAccount}); err != nil {
		return "", fmt.Errorf("list BillingEvents with %s %s: %w", v1alpha1.FieldCustomerAccount, e.Spec.CustomerAccount, err)
	}
	var ids []string
	for i := range list.Items {
		if other := &list.Items[i].Spec; other.Account == e.Spec.Account && other.CustomerID != "" && r.Scope.Covers(&list.Items[i]) {
			ids = append(ids, other.CustomerID)
		}
	}
	ended()
	return firstOtherThan(e.Spec.CustomerAccount, ids), nil
}

// firstOtherThan is the first of the ids by name that is not the Account's; else the Account's if it is among them, else
// it is empty.
func firstOtherThan(account string, ids []string) string {
	others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == account })
	switch {
	case len(others) > 0:
		return slices.Min(others)
	case len(ids) > 0:
		return account
	default:
		return ""
	}
}

// customerOfAccountAtStripe asks for the customer by the Account's id, which Stripe accepts in place of the customer's.
// It is empty if Stripe knows none. See https://docs.stripe.com/accounts-v2/use-accounts-as-customers.
func (r *Reconciler) customerOfAccountAtStripe(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	reading, err := r.Stripe.Customer(ctx, e.Spec.Account, e.Spec.CustomerAccount)
	if errors.Is(err, stripeapi.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return reading.Object.ID("id"), nil
}
