package routing

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// AddIndexes adds the cache indexes that the controllers list by.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer, scope Scope) error {
	if err := indexer.IndexField(ctx, &v1alpha1.Customer{}, ByAccount, accountsOf); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &v1alpha1.Customer{}, ByErasure, ErasuresOf); err != nil {
		return err
	}
	if err := addProductIndexes(ctx, indexer, scope); err != nil {
		return err
	}
	if err := addPaymentIndexes(ctx, indexer); err != nil {
		return err
	}
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Subscription{}, &v1alpha1.Email{}} {
		if err := indexer.IndexField(ctx, object, ByCustomer, func(o client.Object) []string {
			if name := scope.CustomerOf(o); name != "" {
				return []string{name}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return indexer.IndexField(ctx, &v1alpha1.Email{}, ByRecipient, func(o client.Object) []string {
		if email, ok := o.(*v1alpha1.Email); ok && email.Status.Attempt != nil && email.Status.Attempt.RecipientHMAC != "" {
			return []string{email.Status.Attempt.RecipientHMAC}
		}
		return nil
	})
}

// InAccount is the value of an index for one of Stripe's objects: ids of two accounts may be equal.
func InAccount(account, id string) string { return account + "/" + id }
