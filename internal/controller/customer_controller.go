package controller

import (
	"context"
	"time"

	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// CustomerReconciler folds the pending events of one customer, all at once, into the customer and its subscriptions, and
// decides whether the customer is entitled. It is the one writer of all their statuses.
type CustomerReconciler struct {
	Client client.Client
	// Reader reads from the API server itself: the cache holds pending events only.
	Reader   client.Reader
	Clock    clock.PassiveClock
	Policy   entitlement.Policy
	Recorder toolsevents.EventRecorder
	// Change is what an event does when it is folded: the catalogue's.
	Change func(*projection.Event) projection.Change
	// Comparisons holds what was read from Stripe and waits to be written.
	Comparisons *Comparisons
	// Scope tells which events are applied.
	Scope Scope
	// EventAttempts is how often an event that cannot be handled is tried before it ends Failed.
	EventAttempts int
	// MailMaxAge is how old a sign-up may be that e-mails are planned for.
	MailMaxAge time.Duration
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers;subscriptions,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers/status;subscriptions/status,verbs=update
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,namespace=system,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler. It looks at a customer again whenever an event about it is recorded, or somebody
// writes it or one of its subscriptions.
func (r *CustomerReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	toCustomer := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		name := r.Scope.customerOf(o)
		if name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: name}}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("customer").
		For(&v1alpha1.Customer{}).
		Watches(&v1alpha1.Subscription{}, toCustomer).
		Watches(&v1alpha1.BillingEvent{}, toCustomer, builder.WithPredicates(present(func(client.Object) bool { return true }))).
		WatchesRawSource(source.Channel(r.Comparisons.wake, &handler.EnqueueRequestForObject{})).
		WithOptions(options).
		Complete(r)
}

// Reconcile brings one customer up to date. Statuses are written before outcomes: whatever stops it in between, the events are
// folded again, with the same result.
func (r *CustomerReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := r.load(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if a == nil {
		r.Comparisons.done(req.NamespacedName, r.Comparisons.peek(req.NamespacedName))
		return ctrl.Result{}, nil
	}
	err = r.handle(ctx, a)
	if blames(err) {
		if err = r.quarantine(ctx, a, err); err == nil {
			err = r.handle(ctx, a)
		}
	}
	if err != nil {
		return retry(err)
	}
	a.report(ctrl.LoggerFrom(ctx).Info)
	r.Comparisons.done(req.NamespacedName, a.comparison)
	return again(a.next, r.Clock.Now()), nil
}

// handle takes the customer through the phases.
func (r *CustomerReconciler) handle(ctx context.Context, a *account) error {
	return safely(ctx, func() error {
		for _, phase := range []func(context.Context, *account) error{
			r.fold,
			r.ensureObjects,
			r.writeStatuses,
			r.planEmails,
			r.writeOutcomes,
		} {
			if err := phase(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// again asks to be called when the clock changes the decision.
func again(next *time.Time, now time.Time) ctrl.Result {
	if next == nil {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(now), time.Millisecond)}
}
