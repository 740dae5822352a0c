package resync

import (
	"context"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// readFeatures reads the features of a customer that Stripe knows, if it may have any. Like a purchase, they hold up nothing
// else if the key may not read them.
func (r *Reconciler) readFeatures(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer) error {
	if slices.Contains(batch.NotFound, customer.Spec.CustomerID) {
		return nil
	}
	mayHave, err := r.Features.MayHave(ctx, customer)
	if err != nil || !mayHave {
		return err
	}
	answer, err := r.Stripe.ActiveEntitlements(ctx, customer.Spec.Account, customer.Spec.CustomerID)
	return r.addPayment(ctx, batch, customer, projection.FeaturesID, answer, err)
}
