package resync

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
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

// readDoubtedFeatures reads the features of a customer, and first the customer itself: Stripe lists nothing of one that it
// does not know, or that is deleted.
func (r *Reconciler) readDoubtedFeatures(ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer) error {
	isRead := slices.ContainsFunc(batch.Objects, func(e *projection.Event) bool { return e.ObjectID == customer.Spec.CustomerID })
	if !isRead && !slices.Contains(batch.NotFound, customer.Spec.CustomerID) {
		if err := r.readOne(ctx, batch, customer, customer.Spec.CustomerID); err != nil {
			return err
		}
	}
	if isDeleted(batch) {
		return nil
	}
	return r.readFeatures(ctx, batch, customer)
}
