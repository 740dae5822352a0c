package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.subscription.pending_update_expired",
		Record:  "subscription",
		Does:    "sets the subscription's whole state: a change that waited for its payment is dropped",
		read:    readSubscription,
		effects: []projection.Effect{projection.SubscriptionState},
	})
}
