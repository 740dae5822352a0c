package resync

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// read reads from Stripe what is due.
func (r *Reconciler) read(
	ctx context.Context, customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription, due reading,
) (*readings.Batch, error) {
	batch := &readings.Batch{
		Whole: due.whole, Requests: due.requests, // without the customer's id: a Customer that was deleted meanwhile stays deleted
		Shown: projection.ShownEvents(aggregateOf(customer, subscriptions), customer.Spec.CustomerID),
	}
	if !due.whole {
		for _, id := range due.objects {
			if err := r.readOne(ctx, batch, customer, id); err != nil {
				return nil, err
			}
		}
		if err := r.readProducts(ctx, batch, customer, due.products, time.Time{}); err != nil {
			return nil, err
		}
		if len(batch.NotFound) == 0 || slices.Contains(due.objects, customer.Spec.CustomerID) {
			return batch, nil
		}
		return batch, r.readOne(ctx, batch, customer, customer.Spec.CustomerID) // does this key know the customer?
	}
	if err := r.readOne(ctx, batch, customer, customer.Spec.CustomerID); err != nil {
		return nil, err
	}
	if isDeleted(batch) {
		return batch, nil // Stripe lists nothing of a deleted customer, and its subscriptions have ended
	}
	if err := r.readSubscriptions(ctx, batch, customer, subscriptions); err != nil {
		return nil, err
	}
	if err := r.readFeatures(ctx, batch, customer); err != nil {
		return nil, err
	}
	for _, id := range projection.KnownDisputes(&customer.Status) { // closed ones too: an event may have been forged
		dispute, err := r.Stripe.Dispute(ctx, customer.Spec.Account, id)
		if err := r.add(ctx, batch, customer, id, dispute, err); err != nil {
			return nil, err
		}
	}
	billed := projection.BilledProducts(aggregateOf(customer, subscriptions))
	if err := r.readProducts(ctx, batch, customer, billed, r.oldestProduct(due)); err != nil {
		return nil, err
	}
	if err := r.readRefunds(ctx, batch, customer); err != nil {
		return nil, err
	}
	if err := r.readInvoices(ctx, batch, customer, projection.CutInvoices(aggregateOf(customer, subscriptions))); err != nil {
		return nil, err
	}
	return batch, r.readPurchases(ctx, batch, customer)
}

// readRefunds reads the charges of which a refund shows: a full refund may end a customer's access, and an event may report a
// smaller total than there is.
func (r *Reconciler) readRefunds(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer) error {
	for i := range customer.Status.Refunds {
		refund := &customer.Status.Refunds[i]
		charge, err := r.Stripe.Charge(ctx, customer.Spec.Account, refund.ChargeID)
		if err := r.addPayment(ctx, batch, customer, refund.ChargeID, charge, err); err != nil {
			return err
		}
	}
	return r.readInvoicePayments(ctx, batch, customer)
}

// isDeleted reports whether the batch says that Stripe has deleted the customer.
func isDeleted(batch *readings.Batch) bool {
	return slices.ContainsFunc(batch.Objects, func(e *projection.Event) bool { return e.Customer != nil && e.Customer.Deleted })
}

// readSubscriptions reads all subscriptions that Stripe lists of the customer, ended ones too, and the known ones that
// it does not list.
func (r *Reconciler) readSubscriptions(
	ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, known map[string]*v1alpha1.Subscription,
) error {
	listed := map[string]bool{}
	if !slices.Contains(batch.NotFound, customer.Spec.CustomerID) {
		subscriptions, err := r.Stripe.Subscriptions(ctx, customer.Spec.Account, customer.Spec.CustomerID)
		if err != nil {
			return err
		}
		for _, s := range subscriptions {
			id := s.Object.ID("id")
			listed[id] = true
			if err := r.add(ctx, batch, customer, id, s, nil); err != nil {
				return err
			}
		}
	}
	for id := range known {
		if listed[id] {
			continue
		}
		if err := r.readOne(ctx, batch, customer, id); err != nil {
			return err
		}
	}
	return nil
}

// readOne reads the customer itself, its features, one of its subscriptions or one of its purchases.
func (r *Reconciler) readOne(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, id string) error {
	get := r.Stripe.Subscription
	switch {
	case id == projection.FeaturesID:
		return r.readDoubtedFeatures(ctx, batch, customer)
	case id == customer.Spec.CustomerID:
		get = r.Stripe.Customer
	case slices.Contains(projection.DoubtfulPurchases(&customer.Status), id):
		return r.readPurchase(ctx, batch, customer, id)
	case strings.HasPrefix(id, "in_"):
		return r.readInvoices(ctx, batch, customer, []string{id})
	}
	object, err := get(ctx, customer.Spec.Account, id)
	return r.add(ctx, batch, customer, id, object, err)
}

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
