package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "charge.refunded",
		Record:  "refund",
		Does:    "shows the total refunded on the charge; a full refund ends the access that a purchase granted, and suspends a subscription only with --on-refund=Suspend",
		read:    readRefund,
		effects: []projection.Effect{projection.Refunded},
	})
}
