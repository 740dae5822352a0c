package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.deleted",
		Record:  "invoice",
		Does:    "shows the draft invoice as deleted",
		read:    readDeletedInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
