package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "setup_intent.failed",
		Record:  "setup",
		Does:    "is handled as `setup_intent.setup_failed`",
		read:    readSetup,
		effects: []projection.Effect{projection.Setup},
	})
}
