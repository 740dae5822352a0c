package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_method.detached",
		Record:  "paymentMethod",
		Does:    "takes the payment method away from the customer",
		read:    readDetachedMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}
