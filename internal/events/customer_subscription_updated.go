package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.subscription.updated",
		Record:  "subscription",
		Does:    "sets the subscription's whole state",
		read:    readSubscription,
		effects: []projection.Effect{projection.SubscriptionState},
	})
}
