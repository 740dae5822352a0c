package notify

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/notice"
)

// Counter counts on the leader what the sink has not accepted, for the metrics.
type Counter struct {
	*Reconciler
	Ticker clock.WithTicker
	// Cache holds the Customers, packed. Those with a state that is not sent are kept as they change.
	Cache cache.Informers
	// Interval is the time between two counts.
	Interval time.Duration

	unsent count.Kept[*v1alpha1.Customer, state]
}

// state is one of a customer, by UID.
type state struct {
	uid       types.UID
	changedAt time.Time
}

// NeedLeaderElection has the manager run the counter on the leader only.
func (c *Counter) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Then it takes its metrics back, so that a former leader reports nothing.
func (c *Counter) Start(ctx context.Context) error {
	c.unsent.Of = func(customer *v1alpha1.Customer) (state, bool) {
		return state{customer.UID, notice.ChangedAt(customer)}, c.isUnsent(customer)
	}
	stop, err := count.Follow(ctx, c.Cache, &v1alpha1.Customer{}, &c.unsent)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	count.Repeatedly(ctx, c.Ticker, c.Interval, "the notifications", c.count, func() { report(0, 0, 0) })
	return nil
}

func (c *Counter) count(context.Context) error {
	pending := 0
	c.unsent.Each(func(name types.NamespacedName, s state) {
		customer := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, UID: s.uid}}
		if !c.isAccepted(customer, s.changedAt) {
			pending++
		}
	})
	unavailable, refused := c.attempts.count()
	report(pending, unavailable, refused)
	return nil
}

func report(pending, unavailable, refused int) {
	metrics.NotificationsPending.Set(float64(pending))
	metrics.NotificationsFailing.WithLabelValues("unavailable").Set(float64(unavailable))
	metrics.NotificationsFailing.WithLabelValues("refused").Set(float64(refused))
}
