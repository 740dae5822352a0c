package app

import (
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// probeTimeout bounds how long a probe may take to arrive.
const probeTimeout = 10 * time.Second

// addMissingKeyNotices reports what is off because a key is not set: in the log, in /readyz?verbose, and in a metric.
func (a *App) addMissingKeyNotices(cfg config.Config) error {
	metrics.StripeAPIConfigured.Set(1)
	if cfg.Stripe.SecretKey == "" {
		metrics.StripeAPIConfigured.Set(0)
		a.log("Stripe's API key is not set: nothing is read from Stripe, missed events are not recovered, and thin events wait", "variable", config.EnvStripeSecretKey)
	}
	if !cfg.Mailgun.Configured() {
		a.log("Mailgun is not configured: e-mails wait until all variables are set", "variables",
			[]string{config.EnvMailgunAPIKey, config.EnvMailgunDomain, config.EnvMailgunSenderEmail})
	}
	a.notices = append(a.notices, a.stripeCheck, a.importCheck, a.thinCheck, a.retentionCheck)
	return nil
}

// addChecks adds /healthz and /readyz. The manager's own handlers fix the names of all checks at the start, and the
// name is all that /readyz?verbose shows of a check that passes.
func (a *App) addChecks(cfg config.Config) error {
	if cfg.HealthProbeBindAddress == "" || cfg.HealthProbeBindAddress == "0" {
		return nil
	}
	mux := http.NewServeMux()
	serveChecks(mux, "/healthz", func() map[string]healthz.Checker {
		return map[string]healthz.Checker{"ping": healthz.Ping}
	})
	serveChecks(mux, "/readyz", a.readiness)
	server := &http.Server{
		Addr: cfg.HealthProbeBindAddress, Handler: mux, ReadHeaderTimeout: probeTimeout, ReadTimeout: probeTimeout,
	}
	if err := a.manager.Add(&manager.Server{Name: "health probe", Server: server}); err != nil {
		return fmt.Errorf("add the probes: %w", err)
	}
	return nil
}

// readiness returns the checks of /readyz. Only the receiver's can fail.
func (a *App) readiness() map[string]healthz.Checker {
	checks := map[string]healthz.Checker{"ping": healthz.Ping}
	if a.receiver != nil {
		checks = map[string]healthz.Checker{"receiver": a.receiver.Ready}
	}
	for _, name := range a.notices {
		checks[name()] = healthz.Ping
	}
	return checks
}

// serveChecks serves the checks together at the path, and each below it.
func serveChecks(mux *http.ServeMux, path string, checks func() map[string]healthz.Checker) {
	handler := http.StripPrefix(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(&healthz.Handler{Checks: checks()}).ServeHTTP(w, r)
	}))
	mux.Handle(path, handler)
	mux.Handle(path+"/", handler)
}
