package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.requires_action",
		Record:  "setup",
		Does:    "shows that the customer must authorize a new payment method with the bank (3-D Secure)",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
