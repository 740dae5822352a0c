package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "charge.dispute.closed",
		Record:    "dispute",
		Does:      "shows the dispute's state; one that was won or withdrawn is no longer shown",
		ByPayment: true,
		read:      readDispute,
		effects:   []projection.Effect{projection.DisputeOpened},
	})
}
