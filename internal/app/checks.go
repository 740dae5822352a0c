package app

import (
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// addNotices says what is switched off for want of a key: in the log, by name in /readyz?verbose, and in a metric.
func (a *App) addNotices(cfg config.Config) error {
	stripe := "stripe-api"
	metrics.StripeAPIConfigured.Set(1)
	if cfg.Stripe.SecretKey == "" {
		stripe = "stripe-api-off-no-" + config.EnvStripeSecretKey
		metrics.StripeAPIConfigured.Set(0)
		a.log("No Stripe key: refetch and backfill are off", "variable", config.EnvStripeSecretKey)
	}
	if !cfg.Mailgun.Configured() {
		a.log("Mailgun is not configured: e-mails wait", "variables",
			[]string{config.EnvMailgunAPIKey, config.EnvMailgunDomain, config.EnvMailgunSenderEmail})
	}
	if err := a.manager.AddReadyzCheck(stripe, healthz.Ping); err != nil {
		return fmt.Errorf("add a readiness check: %w", err)
	}
	return nil
}

// addChecks adds /healthz and /readyz.
func (a *App) addChecks(config.Config) error {
	if err := a.manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add a health check: %w", err)
	}
	name, ready := "ping", healthz.Ping
	if a.receiver != nil {
		name, ready = "receiver", a.receiver.Ready
	}
	if err := a.manager.AddReadyzCheck(name, ready); err != nil {
		return fmt.Errorf("add a readiness check: %w", err)
	}
	return nil
}
