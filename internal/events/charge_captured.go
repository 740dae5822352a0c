package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "charge.captured",
		Record:  "payment",
		Does:    "shows the latest payment and its payment method",
		read:    readCharge,
		effects: []projection.Effect{projection.PaymentSucceeded},
	})
}
