package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "invoice_payment.paid",
		Record:    "payment",
		Does:      "notes which payment paid which invoice, for refunds and disputes",
		ByPayment: true,
		read:      readInvoicePayment,
		effects:   []projection.Effect{projection.PaymentOfInvoice},
	})
}
