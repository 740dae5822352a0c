package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.failed",
		Record:  "setup",
		Does:    "has the same effect as `setup_intent.setup_failed`, which is Stripe's real name",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
