package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "charge.failed",
		Record:  "payment",
		Does:    "shows the latest failed payment with its code and decline reason",
		read:    readCharge,
		effects: []projection.Effect{projection.PaymentFailed},
	})
}
