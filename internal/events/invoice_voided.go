package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.voided",
		Record:  "invoice",
		Does:    "shows the invoice as void: nobody has to pay it",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
