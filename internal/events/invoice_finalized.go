package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

var _ = register(Type{
	Name:    "invoice.finalized",
	Record:  "invoice",
	Does:    "shows the latest invoice with its number",
	read:    readInvoice,
	effects: []projection.Effect{projection.InvoiceState},
})
