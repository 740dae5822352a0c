package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.payment_failed",
		Record:  "invoice",
		Does:    "starts the grace period at the first failure of a run; shows the latest failure and the next attempt",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState, projection.InvoicePaymentFailed},
	})
}
