package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.created",
		Record:  "payment",
		Does:    "shows the payment that was begun",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent},
	})
}
