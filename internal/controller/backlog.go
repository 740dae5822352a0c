package controller

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// backlogInterval is how often the events that wait are counted.
const backlogInterval = 10 * time.Second

// Backlog counts the events that are not done with, in the caches that hold them. It runs on the leader.
type Backlog struct {
	// Pending and Failed are caches of such events.
	Pending, Failed client.Reader
	Scope           Scope
	Clock           clock.WithTicker
	// LinkTimeout is how long an event may wait for its customer to be found.
	LinkTimeout time.Duration
}

// NeedLeaderElection tells the manager that one replica is enough.
func (b *Backlog) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Who no longer leads shows none.
func (b *Backlog) Start(ctx context.Context) error {
	ticker := b.Clock.NewTicker(backlogInterval)
	defer ticker.Stop()
	defer show(0, 0, 0)
	for {
		if err := b.count(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

func (b *Backlog) count(ctx context.Context) error {
	var pending, failed v1alpha1.BillingEventList
	if err := b.Pending.List(ctx, &pending, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return ignoreEnd(ctx, err)
	}
	if err := b.Failed.List(ctx, &failed, client.UnsafeDisableDeepCopy); err != nil {
		return ignoreEnd(ctx, err)
	}
	oldest := time.Duration(0)
	for i := range pending.Items {
		e := &pending.Items[i]
		age := b.Clock.Since(e.CreationTimestamp.Time)
		if b.Scope.customerOf(e) == "" && age < b.LinkTimeout { // a dispute may have to wait for its customer
			continue
		}
		oldest = max(oldest, age)
	}
	show(len(pending.Items), len(failed.Items), oldest)
	return nil
}

func show(pending, failed int, oldest time.Duration) {
	metrics.EventsPending.Set(float64(pending))
	metrics.EventsFailed.Set(float64(failed))
	metrics.OldestPending.Set(oldest.Seconds())
}

// ignoreEnd is the error, unless it only says that ctx has ended.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
