// Package product is the controller of the BillingEvents that report a change of a product.
//
// It observes pending events about products, which name no customer, and Subscriptions. It decides which customers bill
// the product. It puts the event where their controllers find it, and wakes a few of them at a time, until the status of
// each shows the event. It writes the event's outcome last: after a kill the event is pending still, and the customers
// that have it already are passed over.
package product

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// Reconciler hands events about products to the customers.
type Reconciler struct {
	Client   client.Client
	Clock    clock.PassiveClock
	Products *products.Cache
	// Scope selects the events that are applied.
	Scope routing.Scope

	mutex     sync.Mutex
	handovers map[types.NamespacedName]*handover
}

// handover is how far an event is handed over.
type handover struct {
	total      int                    // how many customers bill the product
	isComplete bool                   // whether no pending event can add one
	remaining  []types.NamespacedName // those that do not show the event yet, as far as is known
	startedAt  time.Time
	movedAt    time.Time // when one was last found to show it
	turnedAt   time.Time // when the next ones got their turn, although a wave waited
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents;customers;subscriptions,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	r.handovers = map[types.NamespacedName]*handover{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("product").
		For(&v1alpha1.BillingEvent{}, builder.WithPredicates(routing.UnlessDeleted(r.Scope.IsOfProduct))).
		WithOptions(options).
		Complete(r)
}
