package events

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

func init() {
	register(Type{
		Name:    "customer.source.updated",
		Record:  "paymentMethod",
		Does:    "sets the payment method's brand, last four digits and expiry",
		read:    readUpdatedMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}

func readUpdatedMethod(p Payload, e *projection.Event) {
	method := stripejson.PaymentMethod(p.Object)
	e.PaymentMethod = &v1alpha1.PaymentMethodRecord{PaymentMethod: *method}
}
