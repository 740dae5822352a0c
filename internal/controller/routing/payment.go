package routing

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	// ByPayment is the cache index of pending events that have a customer, and of Customers, by the charges and payment intents
	// that they name. Its values are those of InAccount.
	ByPayment = "payment"
	// ByUnlinkedPayment is the same of pending events that have no customer yet.
	ByUnlinkedPayment = "unlinkedPayment"
)

// PaymentsNamedBy lists the charge and the payment intent that an event names, as values of the indexes.
func PaymentsNamedBy(e *v1alpha1.BillingEvent) []string {
	return inAccount(e.Spec.Account, e.Content().ChargeID, e.Content().PaymentIntentID)
}

// paymentsOf lists the payments of an event, or those that a Customer shows: its newest one, those of its latest invoices, and those
// that were refunded or are disputed. So the customer of a dispute is found although the payment's events are gone.
func paymentsOf(o client.Object) []string {
	switch o := o.(type) {
	case *v1alpha1.BillingEvent:
		if o.CustomerID() != "" {
			return PaymentsNamedBy(o)
		}
	case *v1alpha1.Customer:
		return inAccount(o.Spec.Account, shownPayments(&o.Status)...)
	}
	return nil
}

// UnlinkedPaymentsOf are the values of the index ByUnlinkedPayment.
func UnlinkedPaymentsOf(o client.Object) []string {
	if e, ok := o.(*v1alpha1.BillingEvent); ok && e.CustomerID() == "" {
		return PaymentsNamedBy(e)
	}
	return nil
}

// inAccount lists each id once that is not empty, as a value of an index.
func inAccount(account string, ids ...string) (values []string) {
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
	return indexer.IndexField(ctx, &v1alpha1.BillingEvent{}, ByUnlinkedPayment, UnlinkedPaymentsOf)
}
