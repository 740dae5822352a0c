package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.payment_failed",
		Record:  "payment",
		Does:    "shows the latest failed payment with its code and decline reason",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent, projection.PaymentFailed},
	})
}
