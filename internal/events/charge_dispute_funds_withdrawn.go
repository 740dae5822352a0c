package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "charge.dispute.funds_withdrawn",
		Record:    "dispute",
		Does:      "shows the dispute's state, as the bank takes the money back",
		ByPayment: true,
		read:      readDispute,
		effects:   []projection.Effect{projection.DisputeOpened},
	})
}
