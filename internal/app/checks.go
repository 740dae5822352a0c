package app

import (
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// addMissingKeyNotices reports what is off because a key is not set: in the log, in /readyz?verbose, and in a metric.
func (a *App) addMissingKeyNotices(cfg config.Config) error {
	checkName := "stripe-api"
	metrics.StripeAPIConfigured.Set(1)
	if cfg.Stripe.SecretKey == "" {
		checkName = "stripe-api-off-no-" + config.EnvStripeSecretKey
		metrics.StripeAPIConfigured.Set(0)
		a.log("Stripe's API key is not set: nothing is read from Stripe and missed events are not recovered", "variable", config.EnvStripeSecretKey)
	}
	if !cfg.Mailgun.Configured() {
		a.log("Mailgun is not configured: e-mails wait until all variables are set", "variables",
			[]string{config.EnvMailgunAPIKey, config.EnvMailgunDomain, config.EnvMailgunSenderEmail})
	}
	if err := a.manager.AddReadyzCheck(checkName, healthz.Ping); err != nil {
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
