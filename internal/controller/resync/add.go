package resync

import (
	"cmp"
	"context"
	"errors"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// add adds Stripe's answer about one object to the batch.
func (r *Reconciler) add(
	ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, id string, answer stripeapi.Reading, err error,
) error {
	switch {
	case errors.Is(err, stripeapi.ErrNotFound):
		batch.NotFound = append(batch.NotFound, id)
	case err != nil:
		return err
	default:
		object, err := r.Decoder.Reading(customer.Spec.Account, answer.Object, answer.At)
		switch {
		case err != nil:
			batch.Whole = false
			r.refuse(ctx, customer, id, "not_readable", err.Error())
		case !belongsTo(object, customer):
			batch.NotFound = append(batch.NotFound, id)
			r.refuse(ctx, customer, id, "other_customer", "it belongs to another customer")
		default:
			if object.Customer != nil {
				object.ObjectID = id // Stripe may have been asked by the Account's id
			}
			batch.Objects = append(batch.Objects, object)
		}
	}
	if at := cmp.Or(answer.At, r.Clock.Now()); batch.At.IsZero() || at.Before(batch.At) {
		batch.At = at
	}
	return nil
}

// addPayment is add for a charge, an invoice or a purchase. One that the key may not read, or that cannot be decoded, must not hold up
// the customer and its subscriptions: it stays as it is, and the refusal is counted and logged.
func (r *Reconciler) addPayment(
	ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, id string, answer stripeapi.Reading, err error,
) error {
	if errors.Is(err, stripeapi.ErrRefused) {
		return r.refusedOnly(ctx, customer, id, err)
	}
	whole := batch.Whole // all subscriptions may be known without it
	err = r.add(ctx, batch, customer, id, answer, err)
	batch.Whole = whole
	return err
}

// refusedOnly counts and logs that the key may not read this kind of object, or that Stripe has no such list, and returns any
// other error.
func (r *Reconciler) refusedOnly(ctx context.Context, customer *v1alpha1.Customer, id string, err error) error {
	if !stripeapi.IsUnavailable(err) || isAllRefused(err) {
		return err
	}
	r.refuse(ctx, customer, id, "not_permitted", err.Error())
	return nil
}

// belongsTo reports whether the object is the customer's. A dispute and the payment
// of an invoice name no customer. With Accounts v2, the customer may
// be known by its Account only, and an object may name the Account only.
func belongsTo(object *projection.Event, customer *v1alpha1.Customer) bool {
	id, account := customer.Spec.CustomerID, customer.Status.CustomerAccount
	return object.Dispute != nil || object.ObjectKind == "invoice_payment" || object.CustomerID == id || object.CustomerAccount == id ||
		object.CustomerID == "" && account != "" && object.CustomerAccount == account
}

// refuse counts and logs an object that is left out of the batch: one that cannot be read, or that belongs to another
// customer, must not hold up the others.
func (r *Reconciler) refuse(ctx context.Context, customer *v1alpha1.Customer, id, reason, detail string) {
	metrics.ReadingsRefused.WithLabelValues(reason).Inc()
	ctrl.LoggerFrom(ctx).Info("Refused an object that Stripe returned", "customerID", customer.Spec.CustomerID, "id", id, "reason", detail)
}

// isDeleted reports whether the batch says that Stripe has deleted the customer.
func isDeleted(batch *readings.Batch) bool {
	return slices.ContainsFunc(batch.Objects, func(e *projection.Event) bool { return e.Customer != nil && e.Customer.Deleted })
}
