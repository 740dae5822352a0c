package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "charge.updated",
		Record:  "refund",
		Does:    "shows the total refunded on the charge if it has changed, as after a refund that failed",
		read:    readChangedRefund,
		effects: []projection.Effect{projection.Refunded},
		unless:  unlessRefunds,
	})
}
