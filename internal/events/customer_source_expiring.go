package events

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

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
	method := stripejson.PaymentMethod(p.Object)
	method.Expiring = true
	e.PaymentMethod = &v1alpha1.PaymentMethodRecord{PaymentMethod: *method}
}
