package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.source.deleted",
		Record:  "paymentMethod",
		Does:    "takes the payment method away from the customer",
		read:    readDetachedMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}
