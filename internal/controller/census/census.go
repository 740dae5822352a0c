// Package census counts the Customers by what tenant controllers see and by what a person decides, the objects that do not
// match Stripe, and the Emails that are not sent, for the metrics. It reads caches and writes nothing.
package census

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Counter counts on the leader.
type Counter struct {
	// Client reads Emails from the cache.
	Client client.Reader
	// Cache holds the Customers and Subscriptions, packed. They are counted as they change.
	Cache cache.Informers
	Clock clock.WithTicker
	// Interval is the time between two counts.
	Interval time.Duration

	customers     count.Tally[*v1alpha1.Customer, shown]
	subscriptions count.Tally[*v1alpha1.Subscription, shown]
	overridden    count.Kept[*v1alpha1.Customer, *v1alpha1.CustomerSpec]
}

// NeedLeaderElection has the manager run the counter on the leader only.
func (c *Counter) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Then it takes its metrics back, so that a former leader reports nothing.
func (c *Counter) Start(ctx context.Context) error {
	c.customers.Of, c.subscriptions.Of, c.overridden.Of = shownByCustomer, shownBySubscription, overriddenSpec
	for _, f := range []struct {
		kind    client.Object
		handler toolscache.ResourceEventHandler
	}{
		{&v1alpha1.Customer{}, count.All{&c.customers, &c.overridden}}, {&v1alpha1.Subscription{}, &c.subscriptions},
	} {
		stop, err := count.Follow(ctx, c.Cache, f.kind, f.handler)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		defer stop()
	}
	count.Repeatedly(ctx, c.Clock, c.Interval, "the Customers", c.count, func() {
		report(nil, nil)
		overrides{}.report()
		unsent{}.report()
	})
	return nil
}

func (c *Counter) count(ctx context.Context) error {
	var emails v1alpha1.EmailList
	if err := c.Client.List(ctx, &emails, client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	now := c.Clock.Now()
	report(tally(c.customers.Counts(), c.subscriptions.Counts()))
	var found overrides
	c.overridden.Each(func(_ types.NamespacedName, spec *v1alpha1.CustomerSpec) { found.add(spec, now) })
	found.report()
	countUnsent(emails.Items, now).report()
	return nil
}

// labels are the values of a metric's two labels.
type labels [2]string

// shown is what an object counts for: in which metric, and there by which labels.
type shown struct {
	outOfSync bool
	labels    labels
}

// shownByCustomer is the status and reason of Entitled, and the reason if InSync is False.
func shownByCustomer(c *v1alpha1.Customer) []shown {
	all := shownDifference("Customer", c.Status.Conditions)
	if e := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled); e != nil {
		all = append(all, shown{labels: labels{string(e.Status), strings.Clone(e.Reason)}})
	}
	return all
}

// shownBySubscription is the reason if InSync is False.
func shownBySubscription(s *v1alpha1.Subscription) []shown {
	return shownDifference("Subscription", s.Status.Conditions)
}

func shownDifference(kind string, conditions []metav1.Condition) []shown {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionInSync); c != nil && c.Status == metav1.ConditionFalse {
		return []shown{{outOfSync: true, labels: labels{kind, strings.Clone(c.Reason)}}}
	}
	return nil
}

// tally sorts counts by metric.
func tally(counts ...map[shown]int) (entitled, outOfSync map[labels]int) {
	entitled, outOfSync = map[labels]int{}, map[labels]int{}
	for _, of := range counts {
		for s, n := range of {
			if s.outOfSync {
				outOfSync[s.labels] = n
			} else {
				entitled[s.labels] = n
			}
		}
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
