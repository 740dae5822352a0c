package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.marked_uncollectible",
		Record:  "invoice",
		Does:    "shows the invoice as uncollectible: it is written off, and can still be paid",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
