package app

import (
	"fmt"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

// New connects the parts of the operator for the API server at restConfig. Nothing runs before Run. Each adjust may
// change the manager's options first.
func New(cfg config.Config, restConfig *rest.Config, adjust ...func(*ctrl.Options)) (*App, error) {
	restConfig = rest.CopyConfig(restConfig)
	restConfig.QPS = -1 // no client-side limit: the API server has priority and fairness
	if err := checkMetricsCertificate(cfg); err != nil {
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
	if err := a.addCredentials(cfg); err != nil {
		return nil, err
	}
	var steps []func(config.Config) error
	if cfg.Components.Controllers {
		steps = append(steps, a.addControllers, a.addMissingKeyNotices, a.addEndpointCheck)
	}
	if cfg.Components.Receiver {
		steps = append(steps, a.addReceiver)
	}
	for _, add := range append(steps, a.addCertificates, a.addChecks) {
		if err := add(cfg); err != nil {
			return nil, err
		}
	}
	return a, nil
}
