// Package census counts the Customers by what tenant controllers see and by what a person decides, the objects that do not
// match Stripe, and the Emails that are not sent, for the metrics. It reads caches and writes nothing.
package census

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Counter counts on the leader.
type Counter struct {
	// Client reads Customers, Subscriptions and Emails from the cache.
	Client client.Reader
	Clock  clock.WithTicker
	// Interval is the time between two counts.
	Interval time.Duration
}

// NeedLeaderElection has the manager run the counter on the leader only.
func (c *Counter) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Then it takes its metrics back, so that a former leader reports nothing.
func (c *Counter) Start(ctx context.Context) error {
	count.Repeatedly(ctx, c.Clock, c.Interval, "the Customers", c.count, func() {
		report(nil, nil)
		overrides{}.report()
		unsent{}.report()
	})
	return nil
}

func (c *Counter) count(ctx context.Context) error {
	var customers v1alpha1.CustomerList
	var subscriptions v1alpha1.SubscriptionList
	var emails v1alpha1.EmailList
	for _, list := range []client.ObjectList{&customers, &subscriptions, &emails} {
		if err := c.Client.List(ctx, list, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
			return err
		}
	}
	report(tally(customers.Items, subscriptions.Items))
	countOverrides(customers.Items, c.Clock.Now()).report()
	countUnsent(emails.Items, c.Clock.Now()).report()
	return nil
}

// labels are the values of a metric's two labels.
type labels [2]string

// tally counts Customers by the status and reason of Entitled, and the objects of which InSync is False by kind and
// reason.
func tally(customers []v1alpha1.Customer, subscriptions []v1alpha1.Subscription) (entitled, outOfSync map[labels]int) {
	entitled, outOfSync = map[labels]int{}, map[labels]int{}
	addOutOfSync := func(kind string, conditions []metav1.Condition) {
		if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionInSync); c != nil && c.Status == metav1.ConditionFalse {
			outOfSync[labels{kind, c.Reason}]++
		}
	}
	for i := range customers {
		conditions := customers[i].Status.Conditions
		if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionEntitled); c != nil {
			entitled[labels{string(c.Status), c.Reason}]++
		}
		addOutOfSync("Customer", conditions)
	}
	for i := range subscriptions {
		addOutOfSync("Subscription", subscriptions[i].Status.Conditions)
	}
	return entitled, outOfSync
}

func report(entitled, outOfSync map[labels]int) {
	set(metrics.Customers, entitled)
	set(metrics.OutOfSync, outOfSync)
}

// set shows these values and no others.
func set(gauge *prometheus.GaugeVec, values map[labels]int) {
	gauge.Reset()
	for l, n := range values {
		gauge.WithLabelValues(l[0], l[1]).Set(float64(n))
	}
}
