package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "charge.dispute.funds_reinstated",
		Record:    "dispute",
		Does:      "shows the dispute's state, as the bank returns the money; one that was won is no longer shown",
		ByPayment: true,
		read:      readDispute,
		effects:   []projection.Effect{projection.DisputeOpened},
	})
}
