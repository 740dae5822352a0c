package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.canceled",
		Record:  "setup",
		Does:    "shows that the setup of a payment method was canceled",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
