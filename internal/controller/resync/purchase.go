package resync

import (
	"context"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// readPurchases reads what may say for how long the customer's purchases grant access, although no event does, or not in a
// form that can be read.
func (r *Reconciler) readPurchases(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer) error {
	for _, id := range projection.DoubtfulPurchases(&customer.Status) {
		if err := r.readPurchase(ctx, batch, customer, id); err != nil {
			return err
		}
	}
	return nil
}

// readPurchase reads a checkout session or, of a purchase without one, its payment intent, charge or invoice.
func (r *Reconciler) readPurchase(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, id string) error {
	get := r.Stripe.PaymentIntent
	switch {
	case strings.HasPrefix(id, "in_"):
		get = r.Stripe.Invoice
	case strings.HasPrefix(id, "ch_"), strings.HasPrefix(id, "py_"):
		get = r.Stripe.Charge
	case slices.ContainsFunc(customer.Status.Purchases, func(p v1alpha1.Purchase) bool { return p.SessionID == id }):
		get = r.Stripe.Purchase
	}
	object, err := get(ctx, customer.Spec.Account, id)
	return r.addPayment(ctx, batch, customer, id, object, err)
}
