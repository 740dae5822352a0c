package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.succeeded",
		Record:  "setup",
		Does:    "shows the payment method that was set up",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
