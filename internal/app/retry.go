package app

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/retry"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// addRetry adds what gives settled events a second chance: on request, and when the version or the configuration changes.
func (a *App) addRetry(cfg config.Config, scope routing.Scope, failed cache.Cache) error {
	labelled, err := a.cacheLabelled(cfg)
	if err != nil {
		return err
	}
	chance := retry.Chance{Decoder: decoder(cfg), Scope: scope, Clock: clock.RealClock{}}
	if a.stripe != nil {
		chance.Stripe = a.stripe
	}
	if err := a.manager.Add(&retry.Opener{
		Client: a.client(), Reader: a.manager.GetAPIReader(), Namespace: cfg.Namespace, Chance: chance,
		Clock: clock.RealClock{}, Log: a.manager.GetLogger().WithName("reopen"),
	}); err != nil {
		return fmt.Errorf("add the opener of recorded events: %w", err)
	}
	patient := options(1)
	patient.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, maxStripeRetry)
	return a.setUp(a.manager, "retry", &retry.Reconciler{
		Failed: failed, Labelled: labelled, Client: a.client(), Clock: clock.RealClock{}, Chance: chance,
	}, patient)
}

// cacheLabelled adds a cache of the Recorded events that a person asks to retry. There may be a hundred thousand Recorded
// events: an annotation cannot be selected, so that a watch for it would hold them all. A label can.
func (a *App) cacheLabelled(cfg config.Config) (cache.Cache, error) {
	asked, err := labels.NewRequirement(v1alpha1.LabelRetry, selection.Exists, nil)
	if err != nil {
		return nil, fmt.Errorf("select the events to retry: %w", err)
	}
	selected := byOutcome(v1alpha1.OutcomeRecorded)
	selected.Label = labels.NewSelector().Add(*asked)
	labelled, err := cluster.New(a.manager.GetConfig(), func(o *cluster.Options) {
		o.Scheme, o.Cache = a.manager.GetScheme(), cacheOptions(cfg.Namespace, selected)
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of events to retry: %w", err)
	}
	if err := fill(context.Background(), labelled.GetCache(), &v1alpha1.BillingEvent{}); err != nil {
		return nil, err
	}
	if err := a.manager.Add(labelled); err != nil {
		return nil, fmt.Errorf("add the cache of events to retry: %w", err)
	}
	return labelled.GetCache(), nil
}
