package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.created",
		Record:  "payment",
		Does:    "shows the new payment intent",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent},
	})
}
