package customer

import (
	"context"
	"maps"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// foldProducts folds what is known of the products that the subscriptions bill, and that the aggregate lacks. It returns
// the aggregate. What cannot be folded is left out: it belongs to no event of the customer, and must not hold those up.
func (r *Reconciler) foldProducts(ctx context.Context, c *reconciliation, aggregate *projection.Aggregate) (*projection.Aggregate, error) {
	doubts := projection.ProductsInDoubt(aggregate)
	for _, id := range projection.BilledProducts(aggregate) {
		known := r.Products.Known(c.customer.Spec.Account, id)
		if p, doubted := doubts[id]; doubted && p.EventID == "" {
			shown, err := products.Shown(ctx, r.Client, c.customer, id)
			if err != nil {
				return nil, err
			}
			if shown != nil {
				known = append(slices.Clip(known), shown)
			}
		}
		known = slices.DeleteFunc(slices.Clone(known), func(e *projection.Event) bool {
			return !projection.LacksProductEvent(&aggregate.Customer, e)
		})
		if len(known) == 0 {
			continue
		}
		folded := aggregate.DeepCopy()
		var err error
		if fault := panics.Catch(func() error { err = r.foldProduct(ctx, c, folded, known); return nil }); fault != nil {
			logFault(ctx, "Leaving out what is known of a product: it cannot be folded", fault)
			continue
		}
		if err != nil {
			return nil, err
		}
		aggregate = folded
	}
	return aggregate, nil
}

// foldProduct folds readings of and events about one product.
func (r *Reconciler) foldProduct(ctx context.Context, c *reconciliation, aggregate *projection.Aggregate, known []*projection.Event) error {
	var changes []projection.Change
	for _, e := range known {
		if e.EventID == projection.EventRead {
			projection.Read(aggregate, e)
		} else {
			changes = append(changes, r.Change(e))
		}
	}
	_, missing := projection.Fold(aggregate, changes)
	if len(missing) == 0 {
		return nil
	}
	earlier, err := r.readAgain(ctx, c.customer, missing)
	if err != nil {
		return err
	}
	projection.Fold(aggregate, append(changes, earlier...))
	return nil
}

// doubtedProducts lists the products of which it is not known for certain what they grant. Without a key, what no event has
// reported stays unknown for good: that is no doubt then.
func (r *Reconciler) doubtedProducts(aggregate *projection.Aggregate) []string {
	doubts := projection.ProductsInDoubt(aggregate)
	maps.DeleteFunc(doubts, func(_ string, p v1alpha1.Position) bool { return p.EventID == "" && !r.Products.IsReading() })
	return slices.Sorted(maps.Keys(doubts))
}
