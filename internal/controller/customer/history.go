package customer

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// recordedPage is how many recorded events are read at a time.
const recordedPage = 500

// loadRecorded reads every settled event about the customer if the Customer, or one of its Subscriptions, has no
// status: it was deleted, or it was restored or made by hand. Folding those events again gives back the status that was
// lost.
//
// A customer whose customer.created is pending is taken as new: so a sign-up costs no search.
func (r *Reconciler) loadRecorded(ctx context.Context, c *reconciliation) error {
	if !c.lacksStatus() {
		return nil
	}
	var byPayment []string
	for _, t := range events.All() {
		if t.ByPayment {
			byPayment = append(byPayment, t.Name)
		}
	}
	linked, err := labels.NewRequirement(v1alpha1.LabelEventType, selection.In, byPayment)
	if err != nil {
		return err
	}
	for _, selector := range []client.ListOption{
		client.MatchingFields{v1alpha1.FieldCustomerID: c.customer.Spec.CustomerID},
		client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*linked)}, // the customer of these events is in their status, which no field selector covers
	} {
		if err := r.listRecorded(ctx, c, selector); err != nil {
			return fmt.Errorf("list the recorded events of Customer %s: %w", c.customer.Name, err)
		}
	}
	return nil
}

// lacksStatus reports whether the customer, or one of its subscriptions, has no status to fold events into.
func (c *reconciliation) lacksStatus() bool {
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

// listRecorded adds the events about the customer that were folded before. It skips Recorded and Failed ones, which
// changed nothing.
func (r *Reconciler) listRecorded(ctx context.Context, c *reconciliation, selector client.ListOption) error {
	page := &v1alpha1.BillingEventList{}
	for {
		err := r.Reader.List(ctx, page, client.InNamespace(c.customer.Namespace), selector, client.Limit(recordedPage), client.Continue(page.Continue))
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
