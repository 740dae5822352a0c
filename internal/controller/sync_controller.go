package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// waitForWriter is how long to wait for the last answer to be written before the next question.
const waitForWriter = time.Second

// SyncReconciler asks Stripe for the present objects of a customer: where its events leave a doubt, where somebody annotates it,
// and once every interval. It writes nothing: what Stripe had goes to the CustomerReconciler.
type SyncReconciler struct {
	Client      client.Client
	Stripe      *stripeapi.Client
	Decoder     events.Decoder
	Comparisons *Comparisons
	Clock       clock.PassiveClock
	Recorder    toolsevents.EventRecorder
	// Interval of the background sweep; 0 turns it off.
	Interval time.Duration
	// Delay is how long a doubt is given to be cleared by an event that is on its way.
	Delay time.Duration
	// Looking says whether missed events are being looked for, which clears doubts too; nil if they never are.
	Looking func() bool

	mutex     sync.Mutex
	inquiries map[client.ObjectKey]*inquiries
}

// SetupWithManager registers the reconciler. It looks at a customer whenever it or one of its subscriptions changes.
func (r *SyncReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	r.inquiries = map[client.ObjectKey]*inquiries{}
	toCustomer := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: Scope{}.customerOf(o)}}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("sync").
		For(&v1alpha1.Customer{}).
		Watches(&v1alpha1.Subscription{}, toCustomer).
		WithOptions(options).
		Complete(r)
}

// Reconcile asks Stripe about one customer if there is a reason to.
func (r *SyncReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	customer, subscriptions, err := r.load(ctx, req.NamespacedName)
	if err != nil || customer == nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	known := r.about(req.NamespacedName)
	known.update(customer, subscriptions, now, r.Interval)
	if r.Looking != nil && r.Looking() {
		known.postpone(now)
	}
	q := known.question(customer, subscriptions, now, r.Delay)
	switch {
	case !q.any():
		return again(known.next(r.Delay), now), nil
	case r.Comparisons.peek(req.NamespacedName) != nil:
		return ctrl.Result{RequeueAfter: waitForWriter}, nil
	}
	result, err := r.ask(ctx, customer, subscriptions, q)
	if err != nil {
		if len(q.requests) > 0 {
			r.Recorder.Eventf(customer, nil, corev1.EventTypeWarning, "ResyncFailed", "Compare", "Stripe could not be asked: %v", err)
		}
		return askAgain(err)
	}
	known.answered(q, now)
	r.Comparisons.put(ctx, req.NamespacedName, result)
	return again(known.next(r.Delay), now), nil
}

// load reads the customer and its subscriptions. It returns nil if the customer is gone.
func (r *SyncReconciler) load(ctx context.Context, key client.ObjectKey) (*v1alpha1.Customer, map[string]*v1alpha1.Subscription, error) {
	var customer v1alpha1.Customer
	if err := r.Client.Get(ctx, key, &customer); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.mutex.Lock()
			defer r.mutex.Unlock()
			delete(r.inquiries, key)
		}
		return nil, nil, client.IgnoreNotFound(err)
	}
	var list v1alpha1.SubscriptionList
	if err := r.Client.List(ctx, &list, client.InNamespace(key.Namespace), client.MatchingFields{byCustomer: key.Name}); err != nil {
		return nil, nil, err
	}
	subscriptions := make(map[string]*v1alpha1.Subscription, len(list.Items))
	for i := range list.Items {
		subscriptions[list.Items[i].Spec.SubscriptionID] = &list.Items[i]
	}
	return &customer, subscriptions, nil
}

// about is what is remembered of the customer. One worker at a time has it.
func (r *SyncReconciler) about(customer client.ObjectKey) *inquiries {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.inquiries[customer] == nil {
		r.inquiries[customer] = &inquiries{}
	}
	return r.inquiries[customer]
}

// ask reads from Stripe what the question is about.
func (r *SyncReconciler) ask(
	ctx context.Context, customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription, q question,
) (*comparison, error) {
	c := &comparison{requests: q.requests}
	if !q.all {
		for _, id := range q.objects {
			if err := r.askOne(ctx, c, customer, id); err != nil {
				return nil, err
			}
		}
		return c, nil
	}
	if err := r.askOne(ctx, c, customer, customer.Spec.CustomerID); err != nil {
		return nil, err
	}
	if err := r.askSubscriptions(ctx, c, customer, subscriptions); err != nil {
		return nil, err
	}
	for i := range customer.Status.OpenDisputes {
		reading, err := r.Stripe.Dispute(ctx, customer.Spec.Account, customer.Status.OpenDisputes[i].ID)
		if err := r.add(c, customer, customer.Status.OpenDisputes[i].ID, reading, err); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// askSubscriptions reads all subscriptions that Stripe has of the customer, ended ones too, and those that it does not list.
func (r *SyncReconciler) askSubscriptions(
	ctx context.Context, c *comparison, customer *v1alpha1.Customer, known map[string]*v1alpha1.Subscription,
) error {
	listed := map[string]bool{}
	if !slices.Contains(c.notFound, customer.Spec.CustomerID) {
		readings, err := r.Stripe.Subscriptions(ctx, customer.Spec.Account, customer.Spec.CustomerID)
		if err != nil {
			return err
		}
		for _, reading := range readings {
			id := reading.Object.ID("id")
			listed[id] = true
			if err := r.add(c, customer, id, reading, nil); err != nil {
				return err
			}
		}
	}
	for id := range known {
		if listed[id] {
			continue
		}
		if err := r.askOne(ctx, c, customer, id); err != nil {
			return err
		}
	}
	return nil
}

// askOne reads the customer itself or one of its subscriptions.
func (r *SyncReconciler) askOne(ctx context.Context, c *comparison, customer *v1alpha1.Customer, id string) error {
	get := r.Stripe.Subscription
	if id == customer.Spec.CustomerID {
		get = r.Stripe.Customer
	}
	reading, err := get(ctx, customer.Spec.Account, id)
	return r.add(c, customer, id, reading, err)
}

// add adds what Stripe answered. Of a deleted customer Stripe tells its id and no more.
func (r *SyncReconciler) add(c *comparison, customer *v1alpha1.Customer, id string, reading stripeapi.Reading, err error) error {
	switch {
	case errors.Is(err, stripeapi.ErrNotFound), err == nil && reading.Object.Bool("deleted"):
		c.notFound = append(c.notFound, id)
	case err != nil:
		return err
	default:
		e, err := r.Decoder.Reading(customer.Spec.Account, reading.Object, reading.At)
		if err != nil {
			return err
		}
		c.readings = append(c.readings, e)
	}
	if at := cmp.Or(reading.At, r.Clock.Now()); c.at.IsZero() || at.Before(c.at) {
		c.at = at
	}
	return nil
}
