// Package app wires the operator together: the same for the binary, the tests and the demo.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/backfill"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const leaderElectionID = "leader.billing.tollkeeper.dev"

const (
	// gracefulShutdownTimeout is how long what runs may take to end once the process is told to: an e-mail that is being sent, and the note
	// of it, among them.
	gracefulShutdownTimeout = 20 * time.Second
	// renewDeadline is how long the leader tries to renew its lease, and to give it back at the end.
	renewDeadline = 10 * time.Second
)

// App is the operator, ready to run.
type App struct {
	manager  ctrl.Manager
	receiver *receiver.Server   // nil if another process has it
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

// New wires the operator for the API server at restConfig. Nothing runs before Run. Each adjust may change the manager's options first.
func New(cfg config.Config, restConfig *rest.Config, adjust ...func(*ctrl.Options)) (*App, error) {
	restConfig = rest.CopyConfig(restConfig)
	restConfig.QPS = -1 // fairness is the API server's
	if err := metricsCertificate(cfg); err != nil {
		return nil, err
	}
	options := managerOptions(cfg)
	for _, change := range adjust {
		change(&options)
	}
	manager, err := ctrl.NewManager(restConfig, options)
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	a := &App{manager: manager, log: manager.GetLogger().WithName("setup").Info}
	if cfg.Stripe.SecretKey != "" {
		a.stripe = stripeapi.New(cfg.Stripe.SecretKey, cfg.Stripe.APIBase)
	}
	var parts []func(config.Config) error
	if cfg.Components.Controllers {
		parts = append(parts, a.addBackfill, a.addControllers, a.addNotices)
	}
	if cfg.Components.Receiver {
		parts = append(parts, a.addReceiver)
	}
	for _, add := range append(parts, a.addChecks) {
		if err := add(cfg); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Run runs the operator until ctx ends and everything has stopped. Then the controllers end and hand over leadership, and meanwhile the
// receiver drains: another replica goes on while the receiver of this one still answers.
func (a *App) Run(ctx context.Context) error {
	if a.receiver == nil {
		return a.manager.Start(ctx)
	}
	stop := context.AfterFunc(ctx, a.receiver.Stop)
	defer stop()
	err := a.manager.Start(ctx)
	return errors.Join(err, a.receiver.Drain())
}

// ReceiverAddr is where the receiver listens; nil before it does, and if there is none.
func (a *App) ReceiverAddr() *net.TCPAddr {
	if a.receiver == nil {
		return nil
	}
	return a.receiver.Addr()
}

func managerOptions(cfg config.Config) ctrl.Options {
	metricsOptions := metricsserver.Options{
		BindAddress:   cfg.MetricsBindAddress,
		SecureServing: cfg.MetricsSecure,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) {
			c.MinVersion, c.NextProtos = tls.VersionTLS12, []string{"http/1.1"}
		}},
	}
	if cfg.MetricsSecure {
		metricsOptions.CertDir = cfg.MetricsCertPath
		metricsOptions.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return ctrl.Options{
		Scheme:                        Scheme(),
		Cache:                         cacheOptions(cfg.Namespace, v1alpha1.OutcomePending),
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		Metrics:                       metricsOptions,
		HealthProbeBindAddress:        cfg.HealthProbeBindAddress,
		LeaderElection:                cfg.LeaderElect && cfg.Components.Controllers,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       cfg.Namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends when the manager does
		RenewDeadline:                 new(renewDeadline),
		GracefulShutdownTimeout:       new(gracefulShutdownTimeout),
	}
}

// metricsCertificate refuses a certificate that cannot be read: controller-runtime would serve one of its own making in its place, and say
// nothing.
func metricsCertificate(cfg config.Config) error {
	if !cfg.MetricsSecure || cfg.MetricsCertPath == "" || cfg.MetricsBindAddress == "0" {
		return nil
	}
	_, err := tls.LoadX509KeyPair(filepath.Join(cfg.MetricsCertPath, corev1.TLSCertKey), filepath.Join(cfg.MetricsCertPath, corev1.TLSPrivateKeyKey))
	if err != nil {
		return fmt.Errorf("read the metrics' certificate (--metrics-cert-path): %w", err)
	}
	return nil
}

// cacheOptions: one namespace, and of the events those of one outcome only, so that memory follows the backlog, not the history.
func cacheOptions(namespace string, outcome v1alpha1.Outcome) cache.Options {
	return cache.Options{
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
		DefaultTransform:  cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.BillingEvent{}: {Field: fields.OneTermEqualSelector(v1alpha1.FieldOutcome, string(outcome))},
		},
	}
}

func decoder(cfg config.Config) events.Decoder {
	return events.Decoder{MetadataPrefix: cfg.MetadataPrefix}
}

func (a *App) recorder(cfg config.Config) *recorder.Recorder {
	return &recorder.Recorder{Writer: a.manager.GetClient(), Reader: a.manager.GetAPIReader(), Namespace: cfg.Namespace}
}
