// Package unlinked is the controller of the BillingEvents that no customer's controller takes.
//
// It observes pending events whose type is not handled, whose mode is not applied, that could not be decoded, or that name no customer.
// It decides what becomes of each. A dispute names a payment and no customer: it looks for the customer of that payment. It writes the
// event's status: the outcome, or the customer that was found. Then the customer's controller takes the event.
package unlinked

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// Reconciler settles unlinked events, or links them to their customers.
type Reconciler struct {
	Client client.Client
	// Reader reads from the API server: the cache holds pending events only.
	Reader client.Reader
	Clock  clock.PassiveClock
	// Stripe is asked for the customer of a payment that no recorded event names; nil without a key.
	Stripe *stripeapi.Client
	// Scope selects the events that are applied.
	Scope routing.Scope
	// LinkTimeout is how long an event waits for its customer to be found.
	LinkTimeout time.Duration
	// StripeDelay is how long an event that names the customer may take to arrive before Stripe is asked.
	StripeDelay time.Duration
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	isUnlinked := routing.UnlessDeleted(func(o client.Object) bool { return r.Scope.CustomerOf(o) == "" })
	return ctrl.NewControllerManagedBy(mgr).
		Named("unlinked").
		For(&v1alpha1.BillingEvent{}, builder.WithPredicates(isUnlinked)).
		WithOptions(options).
		Complete(r)
}

// Reconcile settles one event, links it, or waits for its customer to be known.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	if err := r.Client.Get(ctx, req.NamespacedName, &e, client.DisableReadYourWritesConsistency); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	t, handled := events.Lookup(e.Spec.Type)
	switch {
	case e.Status.Outcome != v1alpha1.OutcomePending || r.Scope.CustomerOf(&e) != "":
		return ctrl.Result{}, nil
	case !r.Scope.Covers(&e):
		return r.settle(ctx, &e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
			"This is an event of Stripe's %s mode. The operator applies events of %s mode (--livemode).",
			mode(e.Spec.Livemode), mode(!e.Spec.Livemode)))
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

func mode(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

func (r *Reconciler) settle(ctx context.Context, e *v1alpha1.BillingEvent, result v1alpha1.Outcome, message string) (ctrl.Result, error) {
	return requeue.OnWriteError(outcome.Writer{Client: r.Client, Clock: r.Clock}.Settle(ctx, e, result, message))
}

// link looks for the customer of the charge or payment intent: in the recorded events, and after StripeDelay at Stripe.
func (r *Reconciler) link(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	customerID, err := r.customerInEvents(ctx, e)
	if err != nil {
		return ctrl.Result{}, err
	}
	age := r.Clock.Since(e.CreationTimestamp.Time)
	if customerID == "" && r.Stripe != nil && age >= r.StripeDelay && age < r.LinkTimeout {
		var known bool
		customerID, known, err = r.customerAtStripe(ctx, e)
		switch {
		case err != nil:
			return requeue.OnStripeError(err)
		case known && customerID == "":
			return r.settle(ctx, e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
				"Stripe has no customer for %s: a guest paid it.", payment(e)))
		}
	}
	if customerID != "" {
		e.Status.CustomerID = customerID
		return requeue.OnWriteError(r.Client.Status().Update(ctx, e, client.DisableReadYourWritesConsistency))
	}
	if age >= r.LinkTimeout {
		return r.settle(ctx, e, v1alpha1.OutcomeRecorded, fmt.Sprintf(
			"No event that names the customer of %s was found within %s (--link-timeout).", payment(e), r.LinkTimeout))
	}
	// The pause doubles with the event's age, from a second to a minute, and ends with the timeout.
	return ctrl.Result{RequeueAfter: min(max(age, time.Second), time.Minute, r.LinkTimeout-age)}, nil
}
