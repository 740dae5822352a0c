package customer

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// queue is the queue of customers to be reconciled.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// The priorities of a reconciliation, in the queue. The customers of the list with which a process starts have a lower one
// (handler.LowPriority): after a failover, events that wait come before customers about which nothing is new.
const (
	normalPriority = 0
	settlePriority = -10
)

// maxUnsettled is the number of customers with unwritten outcomes up to which these come last.
const maxUnsettled = 5000

// toCustomerOfPending enqueues the Customer that a pending event is about: an event that has just arrived when it is due,
// and every other one at once. A pending event leaves the cache when its outcome is written, so a deletion is no change.
func (r *Reconciler) toCustomerOfPending() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, created event.CreateEvent, q queue) {
			r.enqueue(q, created.Object, !created.IsInInitialList)
		},
		UpdateFunc: func(_ context.Context, updated event.UpdateEvent, q queue) {
			r.enqueue(q, updated.ObjectOld, false)
			r.enqueue(q, updated.ObjectNew, false)
		},
	}
}

func (r *Reconciler) enqueue(q queue, o client.Object, hasArrived bool) {
	name := r.Scope.CustomerOf(o)
	if name == "" {
		return
	}
	request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}
	wait := time.Duration(0)
	if e, ok := o.(*v1alpha1.BillingEvent); ok && hasArrived {
		wait = r.Pace.Arrived(request.NamespacedName, events.MayDecideAccess(e.Content()))
	}
	if prioritized, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		prioritized.AddWithOpts(priorityqueue.AddOpts{After: wait, Priority: new(normalPriority)}, request)
		return
	}
	q.AddAfter(request, wait)
}

// ownWrites are the latest writes of this process, by the resourceVersions that they led to. What a watch reports of them,
// within moments, is known already.
type ownWrites struct{ versions recent[string] }

func (w *ownWrites) add(o client.Object) { w.versions.add(o.GetResourceVersion()) }

// unlessEcho passes every change that this process has not made itself.
func (w *ownWrites) unlessEcho() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !w.versions.has(e.Object.GetResourceVersion()) },
		UpdateFunc: func(e event.UpdateEvent) bool { return !w.versions.has(e.ObjectNew.GetResourceVersion()) },
	}
}
