package customer

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// An object's name holds 32 bits of a hash of the Stripe id, so two ids can be made up that share a name. The first one
// has the object. What is about the other one must not change it.

// failForeign fails the events about another customer whose object would have the same name, and leaves out what was
// read of it from Stripe.
func (r *Reconciler) failForeign(ctx context.Context, c *reconciliation) error {
	for _, e := range c.pending {
		if e.deferred || e.CustomerID() == c.customer.Spec.CustomerID && e.Spec.Account == c.customer.Spec.Account {
			continue
		}
		e.outcome, e.message = v1alpha1.OutcomeFailed, nameIsTaken("customer", e.CustomerID(), c.customer.Spec.CustomerID)
	}
	b := c.batch
	if b != nil && b.CustomerID != "" && (b.CustomerID != c.customer.Spec.CustomerID || b.Account != c.customer.Spec.Account) {
		metrics.ReadingsRefused.WithLabelValues("other_customer").Inc()
		ctrl.LoggerFrom(ctx).Info("Refused what Stripe returned about another customer whose object would have the same name",
			"customerID", b.CustomerID, "account", b.Account)
		c.batch = nil
	}
	return nil
}

func nameIsTaken(kind, id, owner string) string {
	return fmt.Sprintf("The object of the %s %s would have the same name as that of the %s %s. One of them is not Stripe's: "+
		"look both up in Stripe's Dashboard.", kind, id, kind, owner)
}

// failMisassigned fails the events about a subscription that belongs to another customer, as Stripe never moves a
// subscription, and about one whose name another subscription has. Of an invoice that holds for all subscriptions that it
// bills.
func (r *Reconciler) failMisassigned(ctx context.Context, c *reconciliation) error {
	for _, e := range c.pending {
		for _, id := range subscriptionsOf(&e.Spec) {
			if e.deferred || e.outcome == v1alpha1.OutcomeFailed || c.subscriptions[id] != nil {
				continue
			}
			if err := r.failUnlessOwn(ctx, c, e, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// subscriptionsOf are the ids of the subscriptions that folding the event creates.
func subscriptionsOf(e *v1alpha1.BillingEventSpec) []string {
	var ids []string
	if e.SubscriptionID != "" {
		ids = append(ids, e.SubscriptionID)
	}
	if e.Invoice != nil {
		for i := range e.Invoice.OtherPeriods {
			ids = append(ids, e.Invoice.OtherPeriods[i].SubscriptionID)
		}
	}
	return ids
}

// failUnlessOwn fails the event if the subscription's object exists and is not this customer's.
func (r *Reconciler) failUnlessOwn(ctx context.Context, c *reconciliation, e *pendingEvent, id string) error {
	why, err := r.whyForeign(ctx, c, id)
	if why != "" {
		e.outcome, e.message = v1alpha1.OutcomeFailed, why
	}
	return err
}

// leaveOutMisassigned leaves out what was read of a subscription whose object exists and is not this customer's. Its object
// could never be created, and the attempts would hold up the customer and its events for good.
func (r *Reconciler) leaveOutMisassigned(ctx context.Context, c *reconciliation) error {
	if c.batch == nil {
		return nil
	}
	batch := *c.batch // a copy: the mailbox has the batch, and the next reconciliation may fold it again
	batch.Objects = nil
	for _, object := range c.batch.Objects {
		if id := object.SubscriptionID; object.Subscription != nil && c.subscriptions[id] == nil {
			why, err := r.whyForeign(ctx, c, id)
			if err != nil {
				return err
			}
			if why != "" {
				metrics.ReadingsRefused.WithLabelValues("other_customer").Inc()
				ctrl.LoggerFrom(ctx).Info("Refused what Stripe returned about a subscription", "id", id, "reason", why)
				batch.Whole = false // one of the customer's subscriptions is not known
				continue
			}
		}
		batch.Objects = append(batch.Objects, object)
	}
	c.batch = &batch
	return nil
}

// whyForeign returns why the subscription's object is not this customer's; empty if it is, or if there is none.
func (r *Reconciler) whyForeign(ctx context.Context, c *reconciliation, id string) (string, error) {
	var s v1alpha1.Subscription
	key := client.ObjectKey{Namespace: c.customer.Namespace, Name: naming.Object(c.customer.Spec.Account, id)}
	switch err := r.Client.Get(ctx, key, &s); {
	case err == nil && s.Spec.SubscriptionID != id:
		return nameIsTaken("subscription", id, s.Spec.SubscriptionID), nil
	case err == nil && s.Spec.CustomerRef.Name == c.customer.Name: // it was created since the list was read, or is being deleted
		if owner := metav1.GetControllerOf(&s); owner == nil || owner.UID == c.customer.UID {
			c.subscriptions[id] = &s
		}
		return "", nil
	case err == nil:
		return fmt.Sprintf("The subscription %s belongs to the customer %s.", id, s.Spec.CustomerRef.Name), nil
	default:
		return "", client.IgnoreNotFound(err)
	}
}
