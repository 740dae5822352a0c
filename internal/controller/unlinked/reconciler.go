// Package unlinked is the controller of the BillingEvents that no customer's controller takes.
//
// It observes pending events whose type is not handled, whose mode or account is not applied, that could not be decoded, or that
// name no customer. It decides what becomes of each. A dispute names a payment and no customer: it looks for the
// customer of that payment. With Accounts v2 an event may name an Account instead of a customer: see account.go. It
// writes the event's status: the outcome, or the customer that was found. Then the customer's controller takes the event.
package unlinked

import (
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// Reconciler ends unlinked events, or links them to their customers.
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
	// DeletesEvents says that old events leave the cluster: a payment's may be in the archive.
	DeletesEvents bool

	searches searches
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers;subscriptions,verbs=get;list;watch

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("unlinked").
		For(&v1alpha1.BillingEvent{}, builder.WithPredicates(routing.UnlessDeleted(r.Scope.IsUnlinked))).
		Watches(&v1alpha1.BillingEvent{}, handler.EnqueueRequestsFromMapFunc(r.waitingFor),
			builder.WithPredicates(routing.UnlessDeleted(func(client.Object) bool { return true }))).
		WithOptions(options).
		Complete(r)
}
