package app

import (
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/controller/thin"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
)

// addThin adds what reads the thin events from Stripe. Without a key they show that it is missing.
func (a *App) addThin(cfg config.Config, scope routing.Scope) error {
	a.thin = &thin.Reconciler{
		Client: a.client(), Clock: clock.RealClock{}, Recorder: a.recorder(cfg, recorder.ViaThin), Decoder: decoder(cfg), Scope: scope,
	}
	if a.stripe != nil {
		a.thin.Stripe = a.stripe
	}
	patient := options(concurrentOthers)
	patient.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, maxStripeRetry)
	return a.setUp(a.manager, "thin", a.thin, patient)
}

// thinCheck is the name of the check in /readyz that says whether thin events wait for Stripe's API key. The check never
// fails.
func (a *App) thinCheck() string {
	if a.thin != nil && a.thin.IsWaitingForKey() {
		return "thin-events-wait-no-" + config.EnvStripeSecretKey
	}
	return "thin-events"
}
