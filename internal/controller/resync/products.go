package resync

import (
	"context"
	"errors"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const (
	// sharedFor is how long the sweep uses a reading of a product, for all customers.
	sharedFor = time.Hour
	// requestedFor is how long requested comparisons use one. So many requests at a time cost few readings.
	requestedFor = 2 * time.Second
)

// oldestProduct is from when on a reading of a product is good enough for a comparison: all customers share the readings. A
// person who asks for a comparison wants to see a change that was made just now.
func (r *Reconciler) oldestProduct(due reading) time.Time {
	maxAge := min(sharedFor, r.SweepInterval/4)
	if len(due.requests) > 0 || maxAge == 0 {
		maxAge = requestedFor
	}
	return r.Clock.Now().Add(-maxAge)
}

// readProducts adds readings of the products that are current from notBefore on, and after any event that leaves a doubt. A
// product that cannot be read is left out: it must not hold up the rest.
func (r *Reconciler) readProducts(
	ctx context.Context, batch *readings.Batch, customer *v1alpha1.Customer, ids []string, notBefore time.Time,
) error {
	if !r.Products.IsReading() {
		return nil
	}
	for _, id := range ids {
		from := notBefore
		if p := projection.ProductPosition(&customer.Status, id); p.Doubt != "" && !p.Created.Time.Before(from) {
			from = p.Created.Add(time.Second)
		}
		if from.IsZero() {
			shown, err := products.Shown(ctx, r.Client, customer, id)
			if err != nil {
				return err
			}
			if shown != nil {
				addProduct(batch, shown)
				continue
			}
		}
		product, err := r.Products.Read(ctx, customer.Spec.Account, id, from)
		switch {
		case errors.Is(err, products.ErrNotReadable):
		case err != nil:
			return err
		default:
			addProduct(batch, product)
		}
	}
	return nil
}

// addProduct adds a product to the batch. Its time is the batch's if nothing else is read: a comparison has one.
func addProduct(batch *readings.Batch, product *projection.Event) {
	batch.Objects = append(batch.Objects, product)
	if batch.At.IsZero() {
		batch.At = product.Created.Time
	}
}
