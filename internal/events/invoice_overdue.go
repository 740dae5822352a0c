package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.overdue",
		Record:  "invoice",
		Does:    "shows the invoice in its state at its due date",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
