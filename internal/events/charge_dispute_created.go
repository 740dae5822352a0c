package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "charge.dispute.created",
		Record:    "dispute",
		Does:      "shows the open dispute of the customer whose charge it is; suspends only with --on-dispute=Suspend",
		ByPayment: true,
		read:      readDispute,
		effects:   []projection.Effect{projection.DisputeOpened},
	})
}
