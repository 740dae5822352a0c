package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.payment_action_required",
		Record:  "invoice",
		Does:    "shows that the customer must authorize the payment with the bank (3-D Secure)",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState, projection.InvoiceActionRequired},
	})
}
