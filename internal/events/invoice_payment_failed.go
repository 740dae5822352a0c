package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "invoice.payment_failed",
		Record:  "invoice",
		Does:    "shows the latest failure and the next attempt; the grace period follows the subscription's status",
		read:    readInvoice,
		effects: []projection.Effect{projection.InvoiceState, projection.InvoicePaymentFailed},
	})
}
