package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.source.expiring",
		Record:  "paymentMethod",
		Does:    "marks the payment method as expiring",
		read:    readExpiringMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}

func readExpiringMethod(p Payload, e *projection.Event) {
	readPaymentMethod(p, e)
	e.PaymentMethod.Expiring = true
}
