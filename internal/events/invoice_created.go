package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

var _ = register(Type{
	Name:    "invoice.created",
	Record:  "invoice",
	Does:    "shows the latest invoice",
	read:    readInvoice,
	effects: []projection.Effect{projection.InvoiceState},
})
