// Package app wires the operator together: the same for the binary, the tests and the demo.
package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/backfill"
	"github.com/tollkeeper/tollkeeper/internal/config"
	tkcontroller "github.com/tollkeeper/tollkeeper/internal/controller"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	leaderElectionID = "leader.billing.tollkeeper.dev"
	// reconcileTimeout bounds one reconciliation, so that an API server that does not answer holds nothing up for good.
	reconcileTimeout = time.Minute
	// concurrentCustomers are reconciled at a time. More than a few writes in flight only add latency.
	concurrentCustomers = 8
	concurrentOthers    = 4
	// mailsPerSecond are handed to Mailgun at most.
	mailsPerSecond = 10
)

// App is the operator, ready to run.
type App struct {
	manager  ctrl.Manager
	receiver *receiver.Server
	stripe   *stripeapi.Client  // nil without a key
	backfill *backfill.Backfill // nil if it is off
	log      func(msg string, keysAndValues ...any)
}

// Scheme knows the kinds that the operator works with.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// New wires the operator for the API server at restConfig. Nothing runs before Run.
func New(cfg config.Config, restConfig *rest.Config) (*App, error) {
	restConfig = rest.CopyConfig(restConfig)
	restConfig.QPS = -1 // fairness is the API server's
	manager, err := ctrl.NewManager(restConfig, managerOptions(cfg))
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	a := &App{manager: manager, log: manager.GetLogger().WithName("setup").Info}
	if cfg.Stripe.SecretKey != "" {
		a.stripe = stripeapi.New(cfg.Stripe.SecretKey, cfg.Stripe.APIBase)
	}
	for _, add := range []func(config.Config) error{a.addBackfill, a.addControllers, a.addReceiver, a.addChecks} {
		if err := add(cfg); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Run runs the operator until ctx ends and everything has stopped.
func (a *App) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, a.receiver.Stop)
	defer stop()
	return a.manager.Start(ctx)
}

// ReceiverAddr is where the receiver listens; nil before it does.
func (a *App) ReceiverAddr() *net.TCPAddr { return a.receiver.Addr() }

func managerOptions(cfg config.Config) ctrl.Options {
	metricsOptions := metricsserver.Options{
		BindAddress:   cfg.MetricsBindAddress,
		SecureServing: cfg.MetricsSecure,
		TLSOpts:       []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
	}
	if cfg.MetricsSecure {
		metricsOptions.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return ctrl.Options{
		Scheme:                        Scheme(),
		Cache:                         cacheOptions(cfg.Namespace),
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		Metrics:                       metricsOptions,
		HealthProbeBindAddress:        cfg.HealthProbeBindAddress,
		LeaderElection:                cfg.LeaderElect,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       cfg.Namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends when the manager does
		GracefulShutdownTimeout:       new(cfg.DrainDelay + receiver.ShutdownTimeout + 5*time.Second),
	}
}

// cacheOptions: one namespace, and of the events the pending ones only, so that memory follows the backlog, not the history.
func cacheOptions(namespace string) cache.Options {
	return cache.Options{
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
		DefaultTransform:  cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.BillingEvent{}: {Field: fields.OneTermEqualSelector(v1alpha1.FieldOutcome, string(v1alpha1.OutcomePending))},
		},
	}
}

func (a *App) addControllers(cfg config.Config) error {
	scope := tkcontroller.Scope{Livemode: cfg.Livemode}
	if err := tkcontroller.Index(context.Background(), a.manager.GetFieldIndexer(), scope); err != nil {
		return fmt.Errorf("index the caches: %w", err)
	}
	c, reader, now := a.manager.GetClient(), a.manager.GetAPIReader(), clock.RealClock{}
	notices, comparisons := a.manager.GetEventRecorder("tollkeeper"), tkcontroller.NewComparisons()
	if err := (&tkcontroller.CustomerReconciler{
		Client: c, Reader: reader, Clock: now, Policy: cfg.Policy, Recorder: notices, Comparisons: comparisons, Scope: scope,
		MailMaxAge: cfg.MailMaxAge,
	}).SetupWithManager(a.manager, options(concurrentCustomers)); err != nil {
		return fmt.Errorf("set up the customer controller: %w", err)
	}
	if err := (&tkcontroller.EventReconciler{
		Client: c, Reader: reader, Clock: now, Stripe: a.stripe, Scope: scope, LinkTimeout: cfg.LinkTimeout, Delay: cfg.RefetchDelay,
	}).SetupWithManager(a.manager, options(concurrentOthers)); err != nil {
		return fmt.Errorf("set up the event controller: %w", err)
	}
	if err := a.addEmails(cfg); err != nil {
		return err
	}
	return a.addSync(cfg, comparisons)
}

// addEmails adds what sends the e-mails, if Mailgun is configured; else what says that it is not.
func (a *App) addEmails(cfg config.Config) error {
	templates, err := mail.LoadTemplates(cfg.MailTemplates)
	if err != nil {
		return err
	}
	r := &tkcontroller.EmailReconciler{
		Client: a.manager.GetClient(), Reader: a.manager.GetAPIReader(), Clock: clock.RealClock{}, Off: !cfg.Emails,
		Letter: tkcontroller.Letter{
			Templates: templates, AppName: cmp.Or(cfg.App.Name, cfg.Mailgun.Domain), Domain: cfg.Mailgun.Domain,
			ResetURL: cfg.App.PasswordResetURL, ResetTTL: cfg.ResetTokenTTL,
		},
		Limit: rate.NewLimiter(mailsPerSecond, mailsPerSecond), Settle: cfg.MailSettle,
	}
	if cfg.Mailgun.Configured() {
		r.Mailgun = mail.NewMailgun(cfg.Mailgun.Domain, cfg.Mailgun.APIKey, cfg.Mailgun.SenderEmail, cfg.Mailgun.APIBase)
	}
	if err := r.SetupWithManager(a.manager, options(concurrentOthers)); err != nil {
		return fmt.Errorf("set up the email controller: %w", err)
	}
	return nil
}

func options(concurrent int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: concurrent,
		ReconciliationTimeout:   reconcileTimeout,
		SkipNameValidation:      new(true), // tests run several managers in one process
	}
}

func decoder(cfg config.Config) events.Decoder {
	return events.Decoder{MetadataPrefix: cfg.MetadataPrefix}
}

func (a *App) recorder(cfg config.Config) *recorder.Recorder {
	return &recorder.Recorder{Writer: a.manager.GetClient(), Reader: a.manager.GetAPIReader(), Namespace: cfg.Namespace}
}

func (a *App) addReceiver(cfg config.Config) error {
	log := a.manager.GetLogger().WithName("receiver")
	handler := receiver.NewHandler(cfg.Stripe.EndpointSecrets, cfg.MaxInFlight, decoder(cfg), a.recorder(cfg), clock.RealClock{}, log)
	a.receiver = receiver.NewServer(cfg.ReceiverBindAddress, cfg.DrainDelay, handler, log)
	if err := a.manager.Add(a.receiver); err != nil {
		return fmt.Errorf("add the receiver: %w", err)
	}
	return nil
}

// addBackfill adds the look for missed events, if there is a key to look with.
func (a *App) addBackfill(cfg config.Config) error {
	if a.stripe == nil || cfg.BackfillInterval == 0 {
		return nil
	}
	log := a.manager.GetLogger().WithName("backfill")
	a.backfill = &backfill.Backfill{
		Source: a.stripe, Decoder: decoder(cfg), Recorder: a.recorder(cfg),
		Checkpoints: backfill.Checkpoints{
			Reader: a.manager.GetAPIReader(), Writer: a.manager.GetClient(), Namespace: cfg.Namespace, Log: log,
		},
		Customers: a.manager.GetClient(), Namespace: cfg.Namespace,
		Interval: cfg.BackfillInterval, Window: cfg.BackfillWindow, Clock: clock.RealClock{}, Log: log,
	}
	if err := a.manager.Add(a.backfill); err != nil {
		return fmt.Errorf("add the backfill: %w", err)
	}
	return nil
}

// addSync adds what asks Stripe for its objects, if there is a key to ask with.
func (a *App) addSync(cfg config.Config, comparisons *tkcontroller.Comparisons) error {
	if a.stripe == nil {
		return nil
	}
	r := &tkcontroller.SyncReconciler{
		Client: a.manager.GetClient(), Stripe: a.stripe, Decoder: decoder(cfg), Comparisons: comparisons, Clock: clock.RealClock{},
		Recorder: a.manager.GetEventRecorder("tollkeeper"), Interval: cfg.ResyncInterval, Delay: cfg.RefetchDelay,
	}
	if a.backfill != nil {
		r.Looking = a.backfill.Looking
	}
	if err := r.SetupWithManager(a.manager, options(concurrentOthers)); err != nil {
		return fmt.Errorf("set up the sync controller: %w", err)
	}
	return nil
}

// addChecks adds /healthz and /readyz. What is switched off for want of a key shows by name in /readyz?verbose.
func (a *App) addChecks(cfg config.Config) error {
	if err := a.manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add a health check: %w", err)
	}
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
	if err := a.manager.AddReadyzCheck("receiver", a.receiver.Ready); err != nil {
		return fmt.Errorf("add a readiness check: %w", err)
	}
	return nil
}
