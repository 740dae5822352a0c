package app

import (
	"crypto/tls"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/packed"
)

// The admission policies know the operator's account by these rights. See config/policy/kustomization.yaml.
//
// +kubebuilder:rbac:groups=policies.tollkeeper.dev,namespace=system,resources=accounts,verbs=control;record

const (
	leaderElectionID = "leader.billing.tollkeeper.dev"
	// gracefulShutdownTimeout bounds the shutdown of running work, such as sending an e-mail and recording the result.
	gracefulShutdownTimeout = 20 * time.Second
	// renewDeadline bounds how long the leader tries to renew its lease, and to release it at the end.
	renewDeadline = 10 * time.Second
)

// Scheme holds the kinds that the operator reads and writes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
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
		Cache:                         cacheOptions(cfg.Namespace, byOutcome(v1alpha1.OutcomePending)),
		NewClient:                     packed.NewClient,
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		Metrics:                       metricsOptions,
		HealthProbeBindAddress:        "0", // see addChecks
		LeaderElection:                cfg.LeaderElect && cfg.Components.Controllers,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       cfg.Namespace,
		LeaderElectionReleaseOnCancel: true, // safe, because the process ends with the manager
		RenewDeadline:                 new(renewDeadline),
		GracefulShutdownTimeout:       new(gracefulShutdownTimeout),
	}
}

// checkMetricsCertificate refuses an unreadable certificate. controller-runtime would silently serve a self-signed one.
func checkMetricsCertificate(cfg config.Config) error {
	if !servesMetricsFromFolder(cfg) {
		return nil
	}
	if _, err := loadCertificate(cfg.MetricsCertPath); err != nil {
		return fmt.Errorf("read the metrics' certificate (--metrics-cert-path): %w", err)
	}
	return nil
}

// byOutcome selects the events of an outcome.
func byOutcome(outcome v1alpha1.Outcome) cache.ByObject {
	return cache.ByObject{Field: fields.OneTermEqualSelector(v1alpha1.FieldOutcome, string(outcome))}
}

// cacheOptions limit the cache to one namespace and to some events. With OutcomePending, memory follows the backlog and not
// the history. Customers and Subscriptions are packed.
func cacheOptions(namespace string, selected cache.ByObject) cache.Options {
	return cache.Options{
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
		DefaultTransform:  cache.TransformStripManagedFields(),
		NewInformer:       packed.NewInformer,
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.BillingEvent{}: selected,
		},
	}
}
