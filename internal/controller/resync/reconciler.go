// Package resync is the controller that compares customers with Stripe.
//
// It observes Customers and Subscriptions. It decides when there is a reason to read them from Stripe: the events leave
// a doubt, a person has annotated the object, or the background sweep comes to the customer. There is none once Stripe
// has deleted the customer. It writes nothing: what it reads goes through the mailbox to the customer's controller.
package resync

import (
	"sync"
	"time"

	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/features"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/packed"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// Reconciler reads customers from Stripe.
type Reconciler struct {
	Client   client.Client
	Stripe   *stripeapi.Client
	Decoder  events.Decoder
	Readings *readings.Mailbox
	Products *products.Cache
	Features *features.Accounts
	Clock    clock.PassiveClock
	Recorder toolsevents.EventRecorder
	// Accounts are the connected accounts that are let in: no other one is read.
	Accounts stripeaccount.Selection
	// SweepInterval is the time between two comparisons of the same customer; 0 turns the sweep off.
	SweepInterval time.Duration
	// DoubtDelay is how long a doubt waits for an event that settles it.
	DoubtDelay time.Duration
	// BackfillRunning reports whether missed events are being listed: they may settle a doubt too.
	BackfillRunning func() bool
	// ImportRunning reports whether an account is being listed: that settles which subscriptions a customer has.
	ImportRunning func() bool

	mutex     sync.Mutex
	schedules map[client.ObjectKey]*schedule
}

// SetupWithManager registers the controller. A customer is reconciled whenever it or one of its subscriptions changes.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	metrics.ReadingsRefused.WithLabelValues("not_permitted") // so that the first one counts as an increase
	return ctrl.NewControllerManagedBy(mgr).
		Named("resync").
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Customer{}, &handler.EnqueueRequestForObject{})).
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Subscription{}, routing.Scope{}.ToCustomer())).
		WithOptions(options).
		Complete(r)
}
