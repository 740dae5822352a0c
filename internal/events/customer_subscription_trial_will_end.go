package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.subscription.trial_will_end",
		Record:  "subscription",
		Does:    "shows that Stripe announced the end of the trial; never overrides the subscription's state",
		read:    readSubscription,
		effects: []projection.Effect{projection.TrialEnding},
	})
}
