package routing

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// ByProduct is the cache index of subscriptions by the products that they bill, of customers by the products that their
// statuses show, and of pending events by the products of the subscription that they report. Its values are those of
// InAccount.
const ByProduct = "product"

// IsOfProduct reports whether the product controller takes the event: it is pending, is applied, and reports a product.
func (s Scope) IsOfProduct(o client.Object) bool {
	e, ok := o.(*v1alpha1.BillingEvent)
	if !ok || !s.Covers(e) || e.Status.Outcome != v1alpha1.OutcomePending || e.Content().DecodeError != "" {
		return false
	}
	t, handled := events.Lookup(e.Spec.Type)
	return handled && t.ByProduct && e.Content().Product != nil && e.Content().ObjectID != "" && e.CustomerID() == ""
}

func addProductIndexes(ctx context.Context, indexer client.FieldIndexer, scope Scope) error {
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Subscription{}, &v1alpha1.Customer{}} {
		if err := indexer.IndexField(ctx, object, ByProduct, func(o client.Object) []string {
			if e, ok := o.(*v1alpha1.BillingEvent); ok && scope.CustomerOf(e) == "" {
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
		if s := o.Content().Subscription; s != nil {
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
		values = append(values, InAccount(account, id))
	}
	return values
}
