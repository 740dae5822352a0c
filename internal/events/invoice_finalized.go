package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.finalized",
		Record:  "invoice",
		Does:    "shows the latest invoice with its number",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
