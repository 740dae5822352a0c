package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// EventReconciler settles the events that no customer's reconciler takes, and links those that name a payment to its
// customer.
type EventReconciler struct {
	Client client.Client
	// Reader reads from the API server itself: the cache holds pending events only.
	Reader client.Reader
	Clock  clock.PassiveClock
	// Stripe is asked for the customer of a payment that no event names; nil without a key.
	Stripe *stripeapi.Client
	// Scope tells which events are applied.
	Scope Scope
	// LinkTimeout is how long an event waits for its customer to be found.
	LinkTimeout time.Duration
	// Delay is how long the event that names the customer is waited for before Stripe is asked.
	Delay time.Duration
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update

// SetupWithManager registers the reconciler.
func (r *EventReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("event").
		For(&v1alpha1.BillingEvent{}, builder.WithPredicates(present(func(o client.Object) bool { return r.Scope.customerOf(o) == "" }))).
		WithOptions(options).
		Complete(r)
}

// present lets through what came or changed, if it is wanted, and nothing that went.
func present(wanted func(client.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return wanted(e.Object) },
		UpdateFunc:  func(e event.UpdateEvent) bool { return wanted(e.ObjectNew) },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(e event.GenericEvent) bool { return wanted(e.Object) },
	}
}

// Reconcile settles one event or waits for its customer.
func (r *EventReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	if err := r.Client.Get(ctx, req.NamespacedName, &e, client.DisableReadYourWritesConsistency); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	t, handled := events.Lookup(e.Spec.Type)
	switch {
	case e.Status.Outcome != v1alpha1.OutcomePending || r.Scope.customerOf(&e) != "":
		return ctrl.Result{}, nil
	case !r.Scope.covers(&e):
		return r.settle(ctx, &e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
			"The event is of Stripe's %s mode, and this operator applies the events of %s mode (--livemode).",
			modeName(e.Spec.Livemode), modeName(!e.Spec.Livemode)))
	case !handled:
		return r.settle(ctx, &e, v1alpha1.OutcomeRecorded, "Events of this type are kept for the audit trail only.")
	case e.Spec.DecodeError != "":
		return r.settle(ctx, &e, v1alpha1.OutcomeFailed, e.Spec.DecodeError)
	case !t.ByPayment:
		return r.settle(ctx, &e, v1alpha1.OutcomeRecorded, "The event names no customer.")
	default:
		return r.link(ctx, &e)
	}
}

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// link finds the customer by the charge or the payment intent: from events recorded of them, else from Stripe.
func (r *EventReconciler) link(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	customerID, err := r.customerOfPayment(ctx, e)
	if err != nil {
		return ctrl.Result{}, err
	}
	age := r.Clock.Since(e.CreationTimestamp.Time)
	if customerID == "" && r.Stripe != nil && age >= r.Delay && age < r.LinkTimeout {
		var known bool
		customerID, known, err = r.customerAtStripe(ctx, e)
		switch {
		case err != nil:
			return askAgain(err)
		case known && customerID == "":
			return r.settle(ctx, e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
				"Stripe knows no customer of charge %q, payment intent %q: it was paid by a guest.", e.Spec.ChargeID, e.Spec.PaymentIntentID))
		}
	}
	if customerID != "" {
		e.Status.CustomerID = customerID
		return retry(r.Client.Status().Update(ctx, e, client.DisableReadYourWritesConsistency))
	}
	if age >= r.LinkTimeout {
		return r.settle(ctx, e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
			"No event was found that names the customer of charge %q or payment intent %q.", e.Spec.ChargeID, e.Spec.PaymentIntentID))
	}
	// Twice the age later, within a second and a minute, but no later than the end.
	return ctrl.Result{RequeueAfter: min(max(age, time.Second), time.Minute, r.LinkTimeout-age)}, nil
}

// customerAtStripe asks Stripe whose the charge, or else the payment intent, is, and whether Stripe knows it at all.
func (r *EventReconciler) customerAtStripe(ctx context.Context, e *v1alpha1.BillingEvent) (customerID string, known bool, err error) {
	get, id := r.Stripe.Charge, e.Spec.ChargeID
	if id == "" {
		get, id = r.Stripe.PaymentIntent, e.Spec.PaymentIntentID
	}
	if id == "" {
		return "", false, nil
	}
	reading, err := get(ctx, e.Spec.Account, id)
	if errors.Is(err, stripeapi.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return reading.Object.ID("customer"), true, nil
}

func (r *EventReconciler) customerOfPayment(ctx context.Context, e *v1alpha1.BillingEvent) (string, error) {
	for field, id := range map[string]string{
		v1alpha1.FieldChargeID:        e.Spec.ChargeID,
		v1alpha1.FieldPaymentIntentID: e.Spec.PaymentIntentID,
	} {
		if id == "" {
			continue
		}
		var list v1alpha1.BillingEventList
		if err := r.Reader.List(ctx, &list, client.InNamespace(e.Namespace), client.MatchingFields{field: id}); err != nil {
			return "", fmt.Errorf("list BillingEvents of %s %s: %w", field, id, err)
		}
		for i := range list.Items {
			if known := &list.Items[i]; known.CustomerID() != "" && known.Spec.Account == e.Spec.Account {
				return known.CustomerID(), nil
			}
		}
	}
	return "", nil
}

func (r *EventReconciler) settle(ctx context.Context, e *v1alpha1.BillingEvent, outcome v1alpha1.Outcome, message string) (ctrl.Result, error) {
	return retry(settle(ctx, r.Client, r.Clock, e, outcome, message))
}
