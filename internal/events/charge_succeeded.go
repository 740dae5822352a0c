package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "charge.succeeded",
		Record:  "payment",
		Does:    "shows the latest payment and its payment method, unless it is only authorized",
		read:    readCharge,
		effects: []projection.Effect{projection.PaymentSucceeded},
		unless:  unlessCaptured,
	})
}
