package resync

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// writePause is how long to wait for the last batch to be written before Stripe is asked again.
const writePause = time.Second

// maxImportPause is the longest time between two looks whether an import that settles a doubt has ended.
const maxImportPause = time.Minute

// Reconcile reads one customer from Stripe if there is a reason to.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	customer, subscriptions, err := r.load(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if customer == nil || !r.Accounts.Includes(customer.Spec.Account) {
		r.Readings.Refuse(ctx, req.NamespacedName, "")
		return ctrl.Result{}, nil
	}
	if projection.IsDeletionConfirmed(&customer.Status) {
		r.forget(req.NamespacedName)
		r.Readings.Refuse(ctx, req.NamespacedName, "")
		return ctrl.Result{}, nil // Stripe has nothing to say about it any more
	}
	now := r.Clock.Now()
	s := r.scheduleOf(req.NamespacedName)
	s.observe(customer, subscriptions, now, r.SweepInterval)
	switch {
	case r.BackfillRunning():
		s.postponeDoubts(now)
	case r.ImportRunning():
		s.postponeWhole(now, r.DoubtDelay)
	}
	due := s.due(customer, subscriptions, now, r.DoubtDelay)
	switch {
	case due.isEmpty():
		if !s.isWaiting() {
			r.Readings.Refuse(ctx, req.NamespacedName, "")
		}
		return requeue.At(s.next(r.DoubtDelay), now), nil
	case r.Readings.Peek(req.NamespacedName) != nil:
		return ctrl.Result{RequeueAfter: writePause}, nil
	}
	batch, err := r.read(ctx, customer, subscriptions, due)
	if err != nil {
		if len(due.requests) > 0 {
			r.Recorder.Eventf(customer, nil, corev1.EventTypeWarning, "ResyncFailed", "Compare", "Stripe could not be read: %v", err)
		}
		r.Readings.Refuse(ctx, req.NamespacedName, refusalOf(err, customer.Spec.Account))
		return requeue.OnStripeError(err)
	}
	r.Readings.Refuse(ctx, req.NamespacedName, "")
	if !r.Readings.PutIfEmpty(ctx, req.NamespacedName, batch) { // the import has put something in meanwhile, which is read once
		return ctrl.Result{RequeueAfter: writePause}, nil
	}
	s.done(due, now)
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
	if r.schedules == nil {
		r.schedules = map[client.ObjectKey]*schedule{}
	}
	if r.schedules[customer] == nil {
		r.schedules[customer] = &schedule{readsProducts: r.Products.IsReading()}
	}
	return r.schedules[customer]
}

func (r *Reconciler) forget(customer client.ObjectKey) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.schedules, customer)
}
