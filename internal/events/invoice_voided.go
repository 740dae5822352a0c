package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.voided",
		Record:  "invoice",
		Does:    "shows the invoice as void: it is not to be paid",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
