// Package takeover says what a new leader does first: it reconciles the customers with pending events. What looks at all Customers,
// their e-mails or the trail begins after that. With 20,000 Customers, it keeps both processors of a small machine busy for some
// seconds.
//
// Example: a replica takes the lead while events about two of 20,000 customers are pending. Both are reconciled within half a
// second. Then the e-mails, the comparison with Stripe, the erasures and the counts of Customers begin.
package takeover

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// longest is how long the rest waits at most, if there are very many events or the API server takes no writes.
const longest = 10 * time.Second

// Order is the order in which the controllers of a new leader begin.
type Order struct {
	client client.Reader
	scope  routing.Scope
	clock  clock.Clock

	mutex   sync.Mutex
	waiting map[types.NamespacedName]struct{}
	over    chan struct{} // closed when none waits any more: there is one lead in the life of a process
}

// New makes an order. The client reads pending events from a cache.
func New(pending client.Reader, scope routing.Scope, clock clock.Clock) *Order {
	return &Order{client: pending, scope: scope, clock: clock, over: make(chan struct{})}
}

// Handled notes that a customer has been reconciled, whatever came of it. After an error it is retried beside the rest, and so is a
// customer whose newest event waits for further ones. A nil order notes nothing.
func (o *Order) Handled(customer types.NamespacedName) {
	if o == nil {
		return
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if _, waits := o.waiting[customer]; !waits {
		return
	}
	delete(o.waiting, customer)
	if len(o.waiting) == 0 {
		close(o.over)
	}
}

// First adds to a manager what calls Handled: the controller of customers. There is one.
func (o *Order) First(mgr manager.Manager) manager.Manager { return adding{mgr, o.look} }

// Rest adds to a manager what begins when each customer that had a pending event has been reconciled, and 10 seconds later than it
// would without an order at the latest.
func (o *Order) Rest(mgr manager.Manager) manager.Manager { return adding{mgr, o.wait} }

// look notes the customers that wait, before the first is reconciled.
func (o *Order) look(ctx context.Context) error {
	var pending v1alpha1.BillingEventList
	if err := o.client.List(ctx, &pending, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the pending events: %w", err)
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.waiting = map[types.NamespacedName]struct{}{}
	for i := range pending.Items {
		e := &pending.Items[i]
		if name := o.scope.CustomerOf(e); name != "" {
			o.waiting[types.NamespacedName{Namespace: e.Namespace, Name: name}] = struct{}{}
		}
	}
	if len(o.waiting) == 0 {
		close(o.over)
	}
	return nil
}

func (o *Order) wait(ctx context.Context) error {
	timer := o.clock.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-o.over:
	case <-timer.C():
	}
	return nil
}

// adding is a manager whose runnables begin after something else.
type adding struct {
	manager.Manager
	before func(context.Context) error
}

// Add adds what runs on the leader.
func (a adding) Add(r manager.Runnable) error { return a.Manager.Add(begun{r, a.before}) }

// begun is a runnable of the leader that begins after something else.
type begun struct {
	manager.Runnable
	after func(context.Context) error
}

// NeedLeaderElection has the manager run it on the leader only.
func (b begun) NeedLeaderElection() bool { return true }

// Start runs it until ctx ends.
func (b begun) Start(ctx context.Context) error {
	if err := b.after(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	return b.Runnable.Start(ctx)
}
