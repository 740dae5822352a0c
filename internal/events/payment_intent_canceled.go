package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.canceled",
		Record:  "payment",
		Does:    "shows that the payment was canceled; the payment of a checkout that waits for it has failed",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent},
	})
}
