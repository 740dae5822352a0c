package routing

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// ByPayment is the cache index of pending events that have a customer, and of Customers, by the charges and payment intents
// that they name. Its values are those of InAccount.
const ByPayment = "payment"

// paymentsOf lists the payments of an event, or the newest one that a Customer shows.
func paymentsOf(o client.Object) []string {
	var account string
	var ids [2]string
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		if o.CustomerID() != "" {
			account, ids = o.Spec.Account, [2]string{o.Content().ChargeID, o.Content().PaymentIntentID}
		}
	case *v1alpha1.Customer:
		if last := o.Status.LastPayment; last != nil {
			account, ids = o.Spec.Account, [2]string{last.ChargeID, last.PaymentIntentID}
		}
	}
	var values []string
	for _, id := range ids {
		if id != "" {
			values = append(values, InAccount(account, id))
		}
	}
	return values
}

func addPaymentIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Customer{}} {
		if err := indexer.IndexField(ctx, object, ByPayment, paymentsOf); err != nil {
			return err
		}
	}
	return nil
}
