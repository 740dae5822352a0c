package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_method.updated",
		Record:  "paymentMethod",
		Does:    "sets the payment method's brand, last four digits and expiry",
		read:    readPaymentMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}
