// Package takeover says what a new leader does first: it shows the events that wait. What looks at all Customers or their e-mails
// begins when they are shown. With 20,000 Customers, it keeps both processors of a small machine busy for some seconds.
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

// Backlog is what waits when a process takes the lead: the customers with pending events.
type Backlog struct {
	client client.Reader
	scope  routing.Scope
	clock  clock.Clock

	mutex   sync.Mutex
	waiting map[types.NamespacedName]struct{}
	over    chan struct{} // closed when none waits any more
}

// New makes a backlog. The client reads pending events from a cache.
func New(pending client.Reader, scope routing.Scope, clock clock.Clock) *Backlog {
	return &Backlog{client: pending, scope: scope, clock: clock, over: make(chan struct{})}
}

// Handled notes that a customer has been reconciled, with or without success: an error is retried beside the rest.
// A nil backlog notes nothing.
func (b *Backlog) Handled(customer types.NamespacedName) {
	if b == nil {
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, waits := b.waiting[customer]; !waits {
		return
	}
	delete(b.waiting, customer)
	if len(b.waiting) == 0 {
		close(b.over)
	}
}

// First adds to a manager what calls Handled: the controller of customers. There is one.
func (b *Backlog) First(mgr manager.Manager) manager.Manager { return adding{mgr, b.look} }

// Rest adds to a manager what begins when no customer of the backlog waits any more, and 10 seconds after it was to begin at the latest.
func (b *Backlog) Rest(mgr manager.Manager) manager.Manager { return adding{mgr, b.wait} }

// look notes who waits, before the first is reconciled.
func (b *Backlog) look(ctx context.Context) error {
	var pending v1alpha1.BillingEventList
	if err := b.client.List(ctx, &pending, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the pending events: %w", err)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.waiting = map[types.NamespacedName]struct{}{}
	for i := range pending.Items {
		e := &pending.Items[i]
		if name := b.scope.CustomerOf(e); name != "" {
			b.waiting[types.NamespacedName{Namespace: e.Namespace, Name: name}] = struct{}{}
		}
	}
	if len(b.waiting) == 0 {
		close(b.over)
	}
	return nil
}

func (b *Backlog) wait(ctx context.Context) error {
	timer := b.clock.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-b.over:
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
