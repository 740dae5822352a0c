package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.subscription.resumed",
		Record:  "subscription",
		Does:    "sets the subscription's whole state: it is no longer paused",
		read:    readSubscription,
		effects: []projection.Effect{projection.SubscriptionState},
	})
}
