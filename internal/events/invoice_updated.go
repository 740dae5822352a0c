package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.updated",
		Record:  "invoice",
		Does:    "shows the latest invoice",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
