package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.created",
		Record:  "setup",
		Does:    "shows the new setup intent",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
