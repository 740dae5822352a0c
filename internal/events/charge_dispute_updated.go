package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "charge.dispute.updated",
		Record:    "dispute",
		Does:      "shows the dispute's state",
		ByPayment: true,
		read:      readDispute,
		effects:   []projection.Effect{projection.DisputeOpened},
	})
}
