package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_method.attached",
		Record:  "paymentMethod",
		Does:    "shows the new payment method with its brand, last four digits and expiry",
		read:    readPaymentMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}
