package customer

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// recordedPage is how many recorded events are read at a time.
const recordedPage = 500

// loadRecorded reads every settled event about a customer whose objects begin, so that they begin with all that is recorded: a
// Customer that was deleted and is seen again, or was restored or made by hand, and one of whose Subscriptions was deleted.
//
// A customer whose customer.created is pending has nothing recorded from before, so that a sign-up costs no search.
func (r *Reconciler) loadRecorded(ctx context.Context, c *reconciliation) error {
	if !c.begins() {
		return nil
	}
	unnamed, err := labels.NewRequirement(v1alpha1.LabelCustomerID, selection.DoesNotExist, nil)
	if err != nil {
		return err
	}
	for _, which := range []client.ListOption{
		client.MatchingFields{v1alpha1.FieldCustomerID: c.customer.Spec.CustomerID},
		// A dispute names its payment: the customer that was found is in the status, which no field selects.
		client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*unnamed)},
	} {
		if err := r.listRecorded(ctx, c, which); err != nil {
			return fmt.Errorf("list the recorded events of Customer %s: %w", c.customer.Name, err)
		}
	}
	return nil
}

// begins reports whether the customer, or one of its subscriptions, has no status to fold events into.
func (c *reconciliation) begins() bool {
	for _, e := range c.pending {
		if e.Spec.Type == "customer.created" {
			return false
		}
	}
	for i := range c.customer.Status.Subscriptions {
		if c.subscriptions[c.customer.Status.Subscriptions[i].SubscriptionID] == nil {
			return true
		}
	}
	return len(c.customer.Status.Conditions) == 0
}

func (r *Reconciler) listRecorded(ctx context.Context, c *reconciliation, which client.ListOption) error {
	page := &v1alpha1.BillingEventList{}
	for {
		err := r.Reader.List(ctx, page, client.InNamespace(c.customer.Namespace), which, client.Limit(recordedPage), client.Continue(page.Continue))
		if err != nil {
			return err
		}
		for i := range page.Items {
			e := &page.Items[i]
			isOfCustomer := e.CustomerID() == c.customer.Spec.CustomerID && e.Spec.Account == c.customer.Spec.Account
			wasFolded := e.Status.Outcome == v1alpha1.OutcomeApplied || e.Status.Outcome == v1alpha1.OutcomeSuperseded
			if isOfCustomer && wasFolded {
				c.recorded = append(c.recorded, e)
			}
		}
		if page.Continue == "" {
			return nil
		}
	}
}
