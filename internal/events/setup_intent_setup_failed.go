package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.setup_failed",
		Record:  "setup",
		Does:    "shows why the payment method could not be set up",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
