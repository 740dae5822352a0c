package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "charge.succeeded",
		Record:  "payment",
		Does:    "shows the last payment and its method",
		read:    readCharge,
		effects: []projection.Effect{projection.PaymentSucceeded},
	})
}
