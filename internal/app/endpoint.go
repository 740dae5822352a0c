package app

import (
	"fmt"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/endpoint"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
)

// addEndpointCheck adds the check of the webhook endpoint in Stripe, if there is a key.
func (a *App) addEndpointCheck(cfg config.Config) error {
	if a.stripe == nil {
		return nil
	}
	check := &endpoint.Checker{
		Source: a.stripe, URL: cfg.EndpointURL, Path: receiver.Path, Clock: clock.RealClock{},
		Log: a.manager.GetLogger().WithName("endpoint"),
	}
	a.notices = append(a.notices, func() string { return "webhook-endpoint-" + check.State() })
	if err := a.manager.Add(check); err != nil {
		return fmt.Errorf("add the check of the webhook endpoint: %w", err)
	}
	return nil
}

// stripeCheck is the name of the check in /readyz that says whether Stripe can be read. The check never fails.
func (a *App) stripeCheck() string {
	if a.stripe == nil {
		return "stripe-api-off-no-" + config.EnvStripeSecretKey
	}
	switch isKeyRefused, accounts := a.stripe.Refused(); {
	case isKeyRefused:
		return "stripe-api-key-refused"
	case accounts > 0:
		return fmt.Sprintf("stripe-api-%d-accounts-refused", accounts)
	default:
		return "stripe-api"
	}
}
