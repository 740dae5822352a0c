package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.finalization_failed",
		Record:  "invoice",
		Does:    "shows the invoice, which stays a draft",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
