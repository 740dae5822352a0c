package routing

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// ByPayment is the cache index of pending events that have a customer, and of Customers, by the charges and payment intents
// that they name. Its values are those of InAccount.
const ByPayment = "payment"

// paymentsOf lists the payments of an event, or those that a Customer shows: its newest one, those of its latest invoices, and those
// that were refunded or are disputed. So the customer of a dispute is found although the payment's events are gone.
func paymentsOf(o client.Object) []string {
	var account string
	var ids []string
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		if o.CustomerID() != "" {
			account, ids = o.Spec.Account, []string{o.Content().ChargeID, o.Content().PaymentIntentID}
		}
	case *v1alpha1.Customer:
		account, ids = o.Spec.Account, shownPayments(&o.Status)
	}
	var values []string
	for _, id := range ids {
		if id != "" {
			values = append(values, InAccount(account, id))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

func shownPayments(s *v1alpha1.CustomerStatus) []string {
	var ids []string
	if s.LastPayment != nil {
		ids = append(ids, s.LastPayment.ChargeID, s.LastPayment.PaymentIntentID)
	}
	for _, p := range s.InvoicePayments {
		ids = append(ids, p.ChargeID, p.PaymentIntentID)
	}
	for _, r := range s.Refunds {
		ids = append(ids, r.ChargeID, r.PaymentIntentID)
	}
	for _, d := range s.OpenDisputes {
		ids = append(ids, d.ChargeID, d.PaymentIntentID)
	}
	return ids
}

func addPaymentIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, object := range []client.Object{&v1alpha1.BillingEvent{}, &v1alpha1.Customer{}} {
		if err := indexer.IndexField(ctx, object, ByPayment, paymentsOf); err != nil {
			return err
		}
	}
	return nil
}
