package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// PaymentsWithoutInvoice lists the payment intents that were refunded or are disputed and of which it is not known which
// invoice they paid, if any: since API version 2025-03-31 neither the charge nor the invoice says it.
func PaymentsWithoutInvoice(c *v1alpha1.CustomerStatus) []string {
	var intents []string
	for i := range c.Refunds {
		if r := &c.Refunds[i]; r.InvoiceID == "" {
			intents = append(intents, r.PaymentIntentID)
		}
	}
	for i := range c.OpenDisputes {
		intents = append(intents, c.OpenDisputes[i].PaymentIntentID)
	}
	intents = slices.DeleteFunc(intents, func(id string) bool {
		isKnown := slices.ContainsFunc(c.InvoicePayments, func(p v1alpha1.InvoicePayment) bool { return p.PaymentIntentID == id })
		isPurchase := slices.ContainsFunc(c.Purchases, func(p v1alpha1.Purchase) bool { return p.PaymentIntentID == id })
		return id == "" || isKnown || isPurchase
	})
	slices.Sort(intents)
	return slices.Compact(intents)
}

// readInvoicePayment folds which payment paid which invoice, as read from Stripe. It adds what no event has reported, and
// repairs nothing.
func readInvoicePayment(a *Aggregate, e *Event) {
	isKnown := slices.ContainsFunc(a.Customer.InvoicePayments, func(p v1alpha1.InvoicePayment) bool { return p.ID == e.ObjectID })
	if e.Payment.Status == "paid" && !isKnown {
		PaymentOfInvoice(a, e)
	}
}
