package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "charge.dispute.created",
		Record:    "dispute",
		Does:      "shows the dispute on the customer that paid the charge; suspends only with --on-dispute=Suspend",
		ByPayment: true,
		read:      readDispute,
		effects:   []projection.Effect{projection.DisputeOpened},
	})
}
