package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.subscription.deleted",
		Record:  "subscription",
		Does:    "ends the subscription for good",
		read:    readSubscription,
		effects: []projection.Effect{projection.SubscriptionEnded},
	})
}
