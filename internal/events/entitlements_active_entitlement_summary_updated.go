package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    featuresKind + ".updated",
		Record:  "features",
		Does:    "sets the features that the customer bought (Stripe's active entitlements)",
		read:    readFeatures,
		effects: []projection.Effect{projection.Features},
	})
}
