package products

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// ByProduct is the cache index of subscriptions by the products that they bill, of customers by the products that their
// statuses show, and of pending events by the products of the subscription that they report. Its values are those of Value.
const ByProduct = "product"

// Value is the value of ByProduct for a product of an account.
func Value(account, id string) string { return account + "/" + id }

// Shown returns a product as the status of some customer of the same account shows it; nil if none does. So nothing is read
// again after a restart. Any customer will do, since every event about the product goes to all of them.
func Shown(ctx context.Context, reader client.Reader, customer *v1alpha1.Customer, id string) (*projection.Event, error) {
	var list v1alpha1.CustomerList
	if err := reader.List(ctx, &list, client.InNamespace(customer.Namespace), client.Limit(1),
		client.MatchingFields{ByProduct: Value(customer.Spec.Account, id)},
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil, fmt.Errorf("find a Customer that shows product %s: %w", id, err)
	}
	for i := range list.Items {
		if e := projection.ShownProduct(&list.Items[i].Status, customer.Spec.Account, id); e != nil {
			return e, nil
		}
	}
	return nil, nil
}

// AddIndexes adds the index ByProduct to the caches. isApplied selects the pending events that a customer's controller takes.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer, isApplied func(client.Object) bool) error {
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Subscription{}, &v1alpha1.Customer{}} {
		if err := indexer.IndexField(ctx, object, ByProduct, func(o client.Object) []string {
			if e, ok := o.(*v1alpha1.BillingEvent); ok && !isApplied(e) {
				return nil
			}
			return productsOf(o)
		}); err != nil {
			return err
		}
	}
	return nil
}

func productsOf(o client.Object) []string {
	var account string
	var ids []string
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		if s := o.Spec.Subscription; s != nil {
			account, ids = o.Spec.Account, projection.ProductsOf(&v1alpha1.SubscriptionStatus{SubscriptionState: s.SubscriptionState})
		}
	case *v1alpha1.Subscription:
		account, ids = o.Spec.Account, projection.ProductsOf(&o.Status)
	case *v1alpha1.Customer:
		account = o.Spec.Account
		for i := range o.Status.Products {
			ids = append(ids, o.Status.Products[i].ID)
		}
	}
	values := make([]string, 0, len(ids))
	for _, id := range ids {
		values = append(values, Value(account, id))
	}
	return values
}
