package resync

import (
	"context"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// readInvoices reads invoices with all their lines: events have the first ones only, and the rest may say that more is paid
// for.
func (r *Reconciler) readInvoices(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, ids []string) error {
	for _, id := range ids {
		invoice, err := r.Stripe.Invoice(ctx, customer.Spec.Account, id)
		if err := r.addPayment(ctx, batch, customer, id, invoice, err); err != nil {
			return err
		}
	}
	return nil
}

// readInvoicePayments reads which invoices were paid by the payments that were refunded or are disputed, if no event has
// reported it: that decides whether the present period is paid.
func (r *Reconciler) readInvoicePayments(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer) error {
	for _, intent := range projection.PaymentsWithoutInvoice(&customer.Status) {
		payments, err := r.Stripe.InvoicePayments(ctx, customer.Spec.Account, intent)
		if err != nil {
			return r.refusedOnly(ctx, customer, intent, err)
		}
		for _, payment := range payments {
			if err := r.addPayment(ctx, batch, customer, payment.Object.ID("id"), payment, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
