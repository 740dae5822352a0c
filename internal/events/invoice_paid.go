package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.paid",
		Record:  "invoice",
		Does:    "extends the paid-through periods of the subscriptions on its lines; the paid period is served",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState},
	})
}
