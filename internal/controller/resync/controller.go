// Package resync is the controller that compares customers with Stripe.
//
// It observes Customers and Subscriptions. It decides when there is a reason to read them from Stripe: the events leave a doubt, a
// person has annotated the object, or the background sweep comes to the customer. It writes nothing: what it reads goes through the
// mailbox to the customer's controller.
package resync

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// writePause is how long to wait for the last batch to be written before Stripe is asked again.
const writePause = time.Second

// Reconciler reads customers from Stripe.
type Reconciler struct {
	Client   client.Client
	Stripe   *stripeapi.Client
	Decoder  events.Decoder
	Readings *readings.Mailbox
	Clock    clock.PassiveClock
	Recorder toolsevents.EventRecorder
	// SweepInterval is the time between two comparisons of the same customer; 0 turns the sweep off.
	SweepInterval time.Duration
	// DoubtDelay is how long a doubt waits for an event that settles it.
	DoubtDelay time.Duration
	// BackfillRunning reports whether missed events are being listed: they may settle a doubt too. It is nil without a backfill.
	BackfillRunning func() bool

	mutex     sync.Mutex
	schedules map[client.ObjectKey]*schedule
}

// SetupWithManager registers the controller. A customer is reconciled whenever it or one of its subscriptions changes.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	r.schedules = map[client.ObjectKey]*schedule{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("resync").
		For(&v1alpha1.Customer{}).
		Watches(&v1alpha1.Subscription{}, routing.Scope{}.ToCustomer()).
		WithOptions(options).
		Complete(r)
}

// Reconcile reads one customer from Stripe if there is a reason to.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	customer, subscriptions, err := r.load(ctx, req.NamespacedName)
	if err != nil || customer == nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	s := r.scheduleOf(req.NamespacedName)
	s.observe(customer, subscriptions, now, r.SweepInterval)
	if r.BackfillRunning != nil && r.BackfillRunning() {
		s.postponeDoubts(now)
	}
	due := s.due(customer, subscriptions, now, r.DoubtDelay)
	switch {
	case due.isEmpty():
		return requeue.At(s.next(r.DoubtDelay), now), nil
	case r.Readings.Peek(req.NamespacedName) != nil:
		return ctrl.Result{RequeueAfter: writePause}, nil
	}
	batch, err := r.read(ctx, customer, subscriptions, due)
	if err != nil {
		if len(due.requests) > 0 {
			r.Recorder.Eventf(customer, nil, corev1.EventTypeWarning, "ResyncFailed", "Compare", "Stripe could not be read: %v", err)
		}
		return requeue.OnStripeError(err)
	}
	s.done(due, now)
	r.Readings.Put(ctx, req.NamespacedName, batch)
	return requeue.At(s.next(r.DoubtDelay), now), nil
}

// load reads the customer and its subscriptions by their Stripe ids. It returns nil if the customer is gone.
func (r *Reconciler) load(ctx context.Context, key client.ObjectKey) (*v1alpha1.Customer, map[string]*v1alpha1.Subscription, error) {
	var customer v1alpha1.Customer
	if err := r.Client.Get(ctx, key, &customer); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.forget(key)
		}
		return nil, nil, client.IgnoreNotFound(err)
	}
	var list v1alpha1.SubscriptionList
	if err := r.Client.List(ctx, &list, client.InNamespace(key.Namespace), client.MatchingFields{routing.ByCustomer: key.Name}); err != nil {
		return nil, nil, err
	}
	subscriptions := make(map[string]*v1alpha1.Subscription, len(list.Items))
	for i := range list.Items {
		subscriptions[list.Items[i].Spec.SubscriptionID] = &list.Items[i]
	}
	return &customer, subscriptions, nil
}

// scheduleOf returns the customer's schedule. Only one worker at a time uses it: the workqueue sees to that.
func (r *Reconciler) scheduleOf(customer client.ObjectKey) *schedule {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.schedules[customer] == nil {
		r.schedules[customer] = &schedule{}
	}
	return r.schedules[customer]
}

func (r *Reconciler) forget(customer client.ObjectKey) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.schedules, customer)
}
