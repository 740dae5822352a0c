package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.processing",
		Record:  "payment",
		Does:    "shows that the payment is under way",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent},
	})
}
