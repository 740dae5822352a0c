package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.succeeded",
		Record:  "payment",
		Does:    "shows the latest payment and its payment method; grants the access that its metadata says, or that of the checkout that waits for it",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent, projection.PaymentSucceeded},
	})
}
