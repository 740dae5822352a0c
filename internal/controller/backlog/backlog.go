// Package backlog counts the events that wait or have failed, for the metrics: failed ones that a person has dismissed apart
// from the others. It reads caches and writes nothing.
package backlog

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Counter counts on the leader.
type Counter struct {
	// Pending and Failed are caches of the events with that outcome.
	Pending, Failed client.Reader
	Scope           routing.Scope
	Clock           clock.WithTicker
	// Interval is the time between two counts.
	Interval time.Duration
	// LinkTimeout is how long an event may wait for its customer to be found without counting as late.
	LinkTimeout time.Duration
}

// NeedLeaderElection has the manager run the counter on the leader only.
func (c *Counter) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Then it sets the metrics to 0, so that a former leader reports no backlog.
func (c *Counter) Start(ctx context.Context) error {
	count.Repeatedly(ctx, c.Clock, c.Interval, "the events that wait or have failed", c.count, func() { report(0, 0, 0, 0, 0) })
	return nil
}

func (c *Counter) count(ctx context.Context) error {
	var pending, failed v1alpha1.BillingEventList
	if err := c.Pending.List(ctx, &pending, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	if err := c.Failed.List(ctx, &failed, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	oldest, thin := time.Duration(0), 0
	for i := range pending.Items {
		e := &pending.Items[i]
		age := c.Clock.Since(e.CreationTimestamp.Time)
		if c.Scope.IsThin(e) {
			thin++
		}
		if c.Scope.IsUnlinked(e) && age < c.LinkTimeout { // a dispute may wait for its customer
			continue
		}
		oldest = max(oldest, age)
	}
	dismissed := 0
	for i := range failed.Items {
		if failed.Items[i].IsDismissed() {
			dismissed++
		}
	}
	report(len(pending.Items), thin, len(failed.Items)-dismissed, dismissed, oldest)
	return nil
}

func report(pending, thin, failed, dismissed int, oldest time.Duration) {
	metrics.EventsPending.Set(float64(pending))
	metrics.ThinEventsPending.Set(float64(thin))
	metrics.EventsFailed.Set(float64(failed))
	metrics.EventsDismissed.Set(float64(dismissed))
	metrics.OldestPending.Set(oldest.Seconds())
}
