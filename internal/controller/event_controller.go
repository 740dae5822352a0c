package controller

import (
	"context"
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
)

// EventReconciler settles the events that no customer's reconciler takes, and links those that name a payment to its
// customer.
type EventReconciler struct {
	Client client.Client
	// Reader reads from the API server itself: the cache holds pending events only.
	Reader client.Reader
	Clock  clock.PassiveClock
	// LinkTimeout is how long an event waits for its customer to be found.
	LinkTimeout time.Duration
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update

// SetupWithManager registers the reconciler.
func (r *EventReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("event").
		For(&v1alpha1.BillingEvent{}, builder.WithPredicates(present(func(o client.Object) bool { return customerOf(o) == "" }))).
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
	case e.Status.Outcome != v1alpha1.OutcomePending || customerOf(&e) != "":
		return ctrl.Result{}, nil
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

// link finds the customer by the charge or the payment intent, from events recorded of them.
func (r *EventReconciler) link(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	customerID, err := r.customerOfPayment(ctx, e)
	if err != nil {
		return ctrl.Result{}, err
	}
	if customerID != "" {
		e.Status.CustomerID = customerID
		return retry(r.Client.Status().Update(ctx, e, client.DisableReadYourWritesConsistency))
	}
	age := r.Clock.Since(e.CreationTimestamp.Time)
	if age >= r.LinkTimeout {
		return r.settle(ctx, e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
			"No event was found that names the customer of charge %q or payment intent %q.", e.Spec.ChargeID, e.Spec.PaymentIntentID))
	}
	// Twice the age later, within a second and a minute, but no later than the end.
	return ctrl.Result{RequeueAfter: min(max(age, time.Second), time.Minute, r.LinkTimeout-age)}, nil
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
