package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "payment_method.automatically_updated",
		Record:  "paymentMethod",
		Does:    "sets the payment method's last four digits and expiry, as the bank replaced the card",
		read:    readPaymentMethod,
		effects: []projection.Effect{projection.PaymentMethod},
	})
}
