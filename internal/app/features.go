package app

import (
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/controller/features"
)

// featureAccounts makes what the controllers share about the accounts that use Stripe's Entitlements; nil without a key.
func (a *App) featureAccounts() *features.Accounts {
	if a.stripe == nil {
		return nil
	}
	return features.NewAccounts(a.stripe, clock.RealClock{}, a.manager.GetLogger().WithName("features"))
}
