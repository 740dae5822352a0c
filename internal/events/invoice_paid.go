package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.paid",
		Record:  "invoice",
		Does:    "extends the paid-through period and ends the grace period",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
