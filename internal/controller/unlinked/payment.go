package unlinked

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// payment words the payment that an event is about, such as "charge ch_1 and payment intent pi_1".
func payment(e *v1alpha1.BillingEvent) string {
	var names []string
	if e.Spec.ChargeID != "" {
		names = append(names, "charge "+e.Spec.ChargeID)
	}
	if e.Spec.PaymentIntentID != "" {
		names = append(names, "payment intent "+e.Spec.PaymentIntentID)
	}
	if len(names) == 0 {
		return "an unnamed payment"
	}
	return strings.Join(names, " and ")
}

// customerInCache returns the id of the customer that a pending event of the same payment names, or whose newest payment it is;
// empty if none is. Events of one payment come within moments, so most customers are found here, and no event of the history
// is looked at.
func (r *Reconciler) customerInCache(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	for _, id := range routing.PaymentsNamedBy(e) {
		selector := client.MatchingFields{routing.ByPayment: id}
		var pending v1alpha1.BillingEventList
		if err := r.Client.List(ctx, &pending, client.InNamespace(e.Namespace), selector,
			client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			return "", fmt.Errorf("list pending BillingEvents of %s: %w", id, err)
		}
		for i := range pending.Items {
			return pending.Items[i].CustomerID(), nil
		}
		var customers v1alpha1.CustomerList
		if err := r.Client.List(ctx, &customers, client.InNamespace(e.Namespace), selector,
			client.DisableReadYourWritesConsistency); err != nil {
			return "", fmt.Errorf("list Customers with payment %s: %w", id, err)
		}
		for i := range customers.Items {
			return customers.Items[i].Spec.CustomerID, nil
		}
	}
	return "", nil
}

// waitingFor lists the events that wait for the customer of a payment which the event names. So they are linked as soon as it comes. For
// example, a dispute comes before the charge.succeeded of its payment: as that comes, the dispute is looked at.
func (r *Reconciler) waitingFor(ctx context.Context, o client.Object) (requests []reconcile.Request) {
	e, ok := o.(*v1alpha1.BillingEvent)
	if !ok || e.CustomerID() == "" {
		return nil
	}
	for _, id := range routing.PaymentsNamedBy(e) {
		var waiting v1alpha1.BillingEventList
		if err := r.Client.List(ctx, &waiting, client.InNamespace(e.Namespace), client.MatchingFields{routing.ByUnlinkedPayment: id},
			client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Could not list the events that wait for the customer of a payment", "eventID", e.Spec.EventID)
		}
		for i := range waiting.Items {
			r.searches.renew(&waiting.Items[i]) // the event may have left the cache when the other one is looked at
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&waiting.Items[i])})
		}
	}
	return requests
}

// customerInEvents returns the id of the customer that a recorded event of the same payment names; empty if none does. The API
// server looks at every event of the namespace for it.
func (r *Reconciler) customerInEvents(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	ended := r.searches.begin(e, r.Clock.Since(e.CreationTimestamp.Time))
	for _, by := range []struct{ field, id string }{
		{v1alpha1.FieldPaymentIntentID, e.Spec.PaymentIntentID}, {v1alpha1.FieldChargeID, e.Spec.ChargeID},
	} {
		if by.id == "" {
			continue
		}
		var list v1alpha1.BillingEventList
		if err := r.Reader.List(ctx, &list, client.InNamespace(e.Namespace), client.MatchingFields{by.field: by.id}); err != nil {
			return "", fmt.Errorf("list BillingEvents with %s %s: %w", by.field, by.id, err)
		}
		for i := range list.Items {
			if other := &list.Items[i]; other.CustomerID() != "" && other.Spec.Account == e.Spec.Account {
				return other.CustomerID(), nil
			}
		}
	}
	ended()
	return "", nil
}

// customerAtStripe reads the charge, or else the payment intent. known reports whether Stripe knows it; a payment by a
// guest is known and has no customer.
func (r *Reconciler) customerAtStripe(ctx context.Context, e *v1alpha1.BillingEvent) (customerID string, known bool, err error) {
	get, id := r.Stripe.Charge, e.Spec.ChargeID
	if id == "" {
		get, id = r.Stripe.PaymentIntent, e.Spec.PaymentIntentID
	}
	if id == "" {
		return "", false, nil
	}
	reading, err := get(ctx, e.Spec.Account, id)
	switch {
	case errors.Is(err, stripeapi.ErrNotFound):
		return "", false, nil
	case err != nil:
		return "", false, err
	default:
		customerID, err = r.customerNamedBy(ctx, e, reading.Object)
		return customerID, true, err
	}
}

// customerNamedBy is the customer that a payment names. With Accounts v2 it may name the Account only.
func (r *Reconciler) customerNamedBy(ctx context.Context, e *v1alpha1.BillingEvent, payment stripejson.Object) (string, error) {
	customerID, account := payment.ID("customer"), payment.ID("customer_account")
	if customerID != "" || account == "" {
		return customerID, nil
	}
	named := e.DeepCopy()
	named.Spec.CustomerAccount = account
	known, err := r.customerKnownByAccount(ctx, named)
	return cmp.Or(known, account), err
}
