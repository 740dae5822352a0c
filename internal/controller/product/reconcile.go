package product

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const (
	// wave is how many customers are woken at a time. They queue with all others that have work to do, so a wave must be
	// written quickly: the next one waits for it.
	wave = 100
	// pause is the time between two looks at a wave.
	pause = 200 * time.Millisecond
	// stuckAfter is how long a wave may bring nothing before the event ends. A customer whose status the API server
	// refuses would keep it pending for good. Its controller finds the event once a write is accepted.
	stuckAfter = 10 * time.Minute
	// pauseForEvents is the time between two looks at the events that report subscriptions to the product.
	pauseForEvents = time.Second
	// turnAfter is how long a wave may bring nothing before the next customers get their turn.
	turnAfter = 5 * time.Second
)

// Reconcile hands one event to the next customers, or ends it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	err := r.Client.Get(ctx, req.NamespacedName, &e, client.DisableReadYourWritesConsistency)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if err != nil || !r.Scope.IsOfProduct(&e) {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	e.TakeContent()
	event := projection.EventOf(&e)
	r.Products.Put(event)
	h, err := r.handoverOf(ctx, req.NamespacedName, &e)
	if err != nil {
		return ctrl.Result{}, err
	}
	waiting, err := r.nextWave(ctx, h, event)
	if err != nil {
		return ctrl.Result{}, err
	}
	if len(waiting) > 0 && r.Clock.Since(h.movedAt) < stuckAfter {
		h.turn(len(waiting), r.Clock.Now())
		for _, customer := range waiting {
			r.Products.WakeUp(ctx, customer)
		}
		return ctrl.Result{RequeueAfter: pause}, ctx.Err()
	}
	if len(waiting) == 0 {
		if again, err := r.listAgain(ctx, req.NamespacedName, &e, h); again || err != nil {
			return ctrl.Result{RequeueAfter: pauseForEvents}, err
		}
	}
	result, message := outcomeOf(h)
	if result == v1alpha1.OutcomeRecorded {
		e.Status.Reason = v1alpha1.RecordedNoCustomer
	}
	if err := (outcome.Writer{Client: r.Client, Clock: r.Clock}).End(ctx, &e, result, message); err != nil {
		return requeue.OnWriteError(err)
	}
	r.forget(req.NamespacedName)
	return ctrl.Result{}, nil
}

// listAgain lists the customers again, and reports whether it did, if the last list may lack some. It gives up after a while.
func (r *Reconciler) listAgain(ctx context.Context, key types.NamespacedName, e *v1alpha1.BillingEvent, h *handover) (bool, error) {
	if h.isComplete || r.Clock.Since(h.startedAt) > stuckAfter {
		return false, nil
	}
	again, err := r.list(ctx, e)
	if err != nil {
		return false, err
	}
	again.startedAt = h.startedAt
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.handovers[key] = again
	return true, nil
}

// turn puts a wave that brings nothing behind the other customers: it may be one that the API server refuses to write.
func (h *handover) turn(waiting int, now time.Time) {
	if now.Sub(h.movedAt) < turnAfter || now.Sub(h.turnedAt) < turnAfter {
		return
	}
	h.remaining = slices.Concat(h.remaining[waiting:], h.remaining[:waiting])
	h.turnedAt = now
}

func outcomeOf(h *handover) (v1alpha1.Outcome, string) {
	switch left := len(h.remaining); {
	case h.total == 0:
		return v1alpha1.OutcomeRecorded, "No customer has a subscription to this product."
	case left > 0:
		return v1alpha1.OutcomeApplied, fmt.Sprintf(
			"%d of %d customers did not take the event in time. They take it when their status can be written.", left, h.total)
	default:
		return v1alpha1.OutcomeApplied, ""
	}
}

// handoverOf returns how far the event is handed over. Customers that bill the product later find the event by themselves.
func (r *Reconciler) handoverOf(ctx context.Context, key types.NamespacedName, e *v1alpha1.BillingEvent) (*handover, error) {
	r.mutex.Lock()
	h := r.handovers[key]
	r.mutex.Unlock()
	if h != nil {
		return h, nil
	}
	h, err := r.list(ctx, e)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.handovers[key] = h
	return h, nil
}

// list begins a handover with the customers that bill the product. They may not be all while an event is pending that reports
// a further subscription to it, as after a time without a leader. An event whose subscription is listed already adds none: it
// is pending for some seconds after the statuses show it, and of a product that sells well one always is.
func (r *Reconciler) list(ctx context.Context, e *v1alpha1.BillingEvent) (*handover, error) {
	bills := client.MatchingFields{routing.ByProduct: routing.InAccount(e.Spec.Account, e.Spec.ObjectID)}
	var pending v1alpha1.BillingEventList
	if err := r.Client.List(ctx, &pending, client.InNamespace(e.Namespace), bills, client.UnsafeDisableDeepCopy,
		client.DisableReadYourWritesConsistency); err != nil {
		return nil, fmt.Errorf("list the pending events of subscriptions to product %s: %w", e.Spec.ObjectID, err)
	}
	var list v1alpha1.SubscriptionList
	if err := r.Client.List(ctx, &list, client.InNamespace(e.Namespace), bills); err != nil {
		return nil, fmt.Errorf("list the Subscriptions to product %s: %w", e.Spec.ObjectID, err)
	}
	now := r.Clock.Now()
	h, seen, listed := &handover{startedAt: now, movedAt: now}, map[string]bool{}, map[string]bool{}
	for i := range list.Items {
		listed[list.Items[i].Spec.SubscriptionID] = true
		if name := list.Items[i].Spec.CustomerRef.Name; !seen[name] {
			seen[name] = true
			h.remaining = append(h.remaining, types.NamespacedName{Namespace: e.Namespace, Name: name})
		}
	}
	h.total = len(h.remaining)
	h.isComplete = !slices.ContainsFunc(pending.Items, func(e v1alpha1.BillingEvent) bool { return !listed[e.Content().SubscriptionID] })
	return h, nil
}

// nextWave looks at the first of the remaining customers until it has found a wave of those that lack the event. It drops
// those that have it, or are gone.
func (r *Reconciler) nextWave(ctx context.Context, h *handover, e *projection.Event) ([]types.NamespacedName, error) {
	var waiting []types.NamespacedName
	for len(h.remaining) > len(waiting) && len(waiting) < wave {
		next := h.remaining[len(waiting)]
		lacks, err := r.lacks(ctx, next, e)
		if err != nil {
			return nil, err
		}
		if lacks {
			waiting = append(waiting, next)
			continue
		}
		last := len(h.remaining) - 1 // the order does not matter
		h.remaining[len(waiting)] = h.remaining[last]
		h.remaining, h.movedAt = h.remaining[:last], r.Clock.Now()
	}
	return waiting, nil
}

// lacks reports whether the customer is to take the event and has not. One whose subscriptions have ended since they were
// listed, or that bills more products than a status shows, is not to: its status never shows the product.
func (r *Reconciler) lacks(ctx context.Context, customer types.NamespacedName, e *projection.Event) (bool, error) {
	var c v1alpha1.Customer
	if err := r.Client.Get(ctx, customer, &c, client.DisableReadYourWritesConsistency); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	if !c.DeletionTimestamp.IsZero() || !projection.LacksProductEvent(&c.Status, e) {
		return false, nil
	}
	var list v1alpha1.SubscriptionList
	if err := r.Client.List(ctx, &list, client.InNamespace(customer.Namespace), client.MatchingFields{routing.ByCustomer: customer.Name},
		client.DisableReadYourWritesConsistency); err != nil {
		return false, fmt.Errorf("list the Subscriptions of Customer %s: %w", customer.Name, err)
	}
	a := projection.Aggregate{Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
	for i := range list.Items {
		a.Subscriptions[list.Items[i].Spec.SubscriptionID] = &list.Items[i].Status
	}
	return slices.Contains(projection.BilledProducts(&a), e.ObjectID), nil
}

func (r *Reconciler) forget(key types.NamespacedName) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.handovers, key)
}
