package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_intent.requires_action",
		Record:  "payment",
		Does:    "shows that the customer must authorize the payment with the bank (3-D Secure)",
		read:    readPaymentIntent,
		effects: []projection.Effect{projection.PaymentIntent},
	})
}
