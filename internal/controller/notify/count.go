package notify

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Counter counts on the leader what the sink has not accepted, for the metrics.
type Counter struct {
	*Reconciler
	Ticker clock.WithTicker
	// Interval is the time between two counts.
	Interval time.Duration
}

// NeedLeaderElection has the manager run the counter on the leader only.
func (c *Counter) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Then it takes its metrics back, so that a former leader reports nothing.
func (c *Counter) Start(ctx context.Context) error {
	count.Repeatedly(ctx, c.Ticker, c.Interval, "the notifications", c.count, func() { report(0, 0, 0) })
	return nil
}

func (c *Counter) count(ctx context.Context) error {
	var customers v1alpha1.CustomerList
	if err := c.Client.List(ctx, &customers, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	pending := 0
	for i := range customers.Items {
		if c.isPending(&customers.Items[i]) {
			pending++
		}
	}
	unavailable, refused := c.attempts.count()
	report(pending, unavailable, refused)
	return nil
}

func report(pending, unavailable, refused int) {
	metrics.NotificationsPending.Set(float64(pending))
	metrics.NotificationsFailing.WithLabelValues("unavailable").Set(float64(unavailable))
	metrics.NotificationsFailing.WithLabelValues("refused").Set(float64(refused))
}
