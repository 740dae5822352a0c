package situations

import (
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

func features() Group {
	return Group{
		Name: "Features",
		Intro: "Stripe's Entitlements say what a customer bought, not whether it has access. " +
			"[How to use both](reference.md#features).",
		Situations: []Situation{
			{
				Name:  "The subscription is active, and its product has features.",
				Life:  func(l *Life) { l.subscribesAndPays(); l.hasFeatures("api", "sso") },
				Asked: 5 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name:  "Grace is over. Stripe tries the payment again, and keeps the features meanwhile.",
				Life:  func(l *Life) { l.hasFeatures("api", "sso"); l.failsToRenew() },
				Asked: 37 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name:  "Stripe reports features before the subscription.",
				Life:  func(l *Life) { l.signsUp(); l.hasFeatures("api", "sso") },
				Asked: Day, Want: no("NoSubscription", "The customer has no subscription."),
			},
		},
	}
}

// hasFeatures reports the customer's active entitlements.
func (l *Life) hasFeatures(keys ...string) {
	l.add("entitlements.active_entitlement_summary.updated", FeaturesOf(CustomerID, keys...))
}
