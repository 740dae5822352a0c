package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.subscription.trial_will_end",
		Record:  "subscription",
		Does:    "notes that the end of the trial was announced; never wins over the subscription's state",
		read:    readSubscription,
		effects: []projection.Effect{projection.TrialEnding},
	})
}
