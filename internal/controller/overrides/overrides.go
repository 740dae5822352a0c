// Package overrides counts the customers whose access a person decides, for the metrics. It reads a cache and writes
// nothing.
package overrides

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// isOverridden is the cache index of the customers with an override, which are few. Its one value is "true".
const isOverridden = "overridden"

// AddIndex adds the cache index that the counter lists by.
func AddIndex(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.Customer{}, isOverridden, func(o client.Object) []string {
		if c, ok := o.(*v1alpha1.Customer); ok && (c.Spec.Override != nil || manualAccess(&c.Spec) != "") {
			return []string{"true"}
		}
		return nil
	})
}

// manualAccess is what spec.access decides; empty if it leaves the decision to the subscriptions.
func manualAccess(spec *v1alpha1.CustomerSpec) string {
	if spec.Access == v1alpha1.AccessGranted || spec.Access == v1alpha1.AccessDenied {
		return string(spec.Access)
	}
	return ""
}

// Counter counts on the leader.
type Counter struct {
	// Customers is a cache with the index of AddIndex.
	Customers client.Reader
	Clock     clock.WithTicker
	// Interval is the time between two counts.
	Interval time.Duration
}

// NeedLeaderElection has the manager run the counter on the leader only.
func (c *Counter) NeedLeaderElection() bool { return true }

// Start counts until ctx ends. Then it sets the metrics to 0, so that a former leader reports no override.
func (c *Counter) Start(ctx context.Context) error {
	ticker := c.Clock.NewTicker(c.Interval)
	defer ticker.Stop()
	defer counts{}.report()
	for {
		if err := c.count(ctx); err != nil && ctx.Err() == nil {
			ctrl.LoggerFrom(ctx).Error(err, "Failed to count the overrides")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

func (c *Counter) count(ctx context.Context) error {
	var customers v1alpha1.CustomerList
	if err := c.Customers.List(ctx, &customers, client.MatchingFields{isOverridden: "true"},
		client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	now, found := c.Clock.Now(), counts{}
	for i := range customers.Items {
		found.add(&customers.Items[i].Spec, now)
	}
	found.report()
	return nil
}

// counts are numbers of customers.
type counts struct{ granted, denied, ended int }

// add counts the customer once by the access that is decided now, and apart from that by an override that has ended.
func (c *counts) add(spec *v1alpha1.CustomerSpec, now time.Time) {
	access, running := manualAccess(spec), entitlement.RunningOverride(spec, now)
	switch {
	case running != nil:
		access = string(running.Access)
	case spec.Override != nil:
		c.ended++
	}
	switch access {
	case string(v1alpha1.OverrideGranted):
		c.granted++
	case string(v1alpha1.OverrideDenied):
		c.denied++
	}
}

func (c counts) report() {
	metrics.CustomersOverridden.WithLabelValues(string(v1alpha1.OverrideGranted)).Set(float64(c.granted))
	metrics.CustomersOverridden.WithLabelValues(string(v1alpha1.OverrideDenied)).Set(float64(c.denied))
	metrics.OverridesEnded.Set(float64(c.ended))
}
