package customer

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// reconciliation is one run of Reconcile: the customer's objects as they are stored, and the events that wait.
type reconciliation struct {
	customer      *v1alpha1.Customer                // without a UID until it is created
	subscriptions map[string]*v1alpha1.Subscription // by Stripe's id; only those that are created
	lost          []string                          // the subscriptions that status.subscriptions lists, and that have no status; see history.go
	pending       []*pendingEvent                   // by Stripe's created, then id
	recorded      []*v1alpha1.BillingEvent          // settled events that are folded again; see history.go
	goneBefore    *metav1.Time                      // a status was lost, and events before this may be gone; nil if none was, or none are
	failed        int                               // how many events about the customer are Failed, and not dismissed
	dismissed     int                               // how many Failed events about the customer a person has dismissed
	batch         *readings.Batch                   // what is used of what was read from Stripe; nil if nothing is
	inMailbox     *readings.Batch                   // all that was read: the mailbox has it
	erasure       *erased.Note                      // how far the customer's erasure is; nil if nothing is to be written
	wasRejected   bool                              // whether the API server has refused a status of the customer before
	emailRejected bool                              // whether the API server refuses an Email of the sign-up
	reconcileAt   *time.Time                        // when the clock alone changes something; nil if it does not
	postponed     bool                              // whether nothing was written, as further events are expected
}

// pendingEvent is an event that waits, and what becomes of it.
type pendingEvent struct {
	*v1alpha1.BillingEvent
	outcome  v1alpha1.Outcome
	message  string
	shownAt  time.Time // when what it changes was written
	deferred bool      // it is tried again later, at status.retryAt
	fault    error     // why it cannot be folded: that counts as an attempt
	rejected error     // why the API server refuses what it changes: that is no fault of the event and counts as no attempt
}

// foldable returns the events that can be folded now, as far as is known.
func (c *reconciliation) foldable() []*pendingEvent {
	var events []*pendingEvent
	for _, e := range c.pending {
		if !e.deferred && e.fault == nil && e.rejected == nil && e.outcome != v1alpha1.OutcomeFailed {
			events = append(events, e)
		}
	}
	return events
}

// isRejected reports whether an event, or an Email, waits for the API server to accept it.
func (c *reconciliation) isRejected() bool {
	return c.emailRejected || slices.ContainsFunc(c.pending, func(e *pendingEvent) bool { return e.rejected != nil })
}

// waiting counts the events that could not be handled so far, apart from those that are being folded now.
func (c *reconciliation) waiting(folding []*pendingEvent) int {
	waiting := 0
	for _, e := range c.pending {
		wasTried := meta.IsStatusConditionFalse(e.Status.Conditions, v1alpha1.ConditionProcessed) || e.fault != nil || e.rejected != nil
		if wasTried && e.outcome != v1alpha1.OutcomeFailed && !slices.Contains(folding, e) {
			waiting++
		}
	}
	return waiting
}

// reconcileBy makes sure that the customer is reconciled at the time at the latest.
func (c *reconciliation) reconcileBy(at time.Time) {
	if c.reconcileAt == nil || at.Before(*c.reconcileAt) {
		c.reconcileAt = &at
	}
}

// The API server numbers the generations of an object from 1. A new object is planned with the generation that it will
// have.
const firstGeneration = 1

func newCustomer(key client.ObjectKey, id, account string) *v1alpha1.Customer {
	return &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name, Labels: naming.Labels("", id, ""), Generation: firstGeneration,
		},
		Spec: v1alpha1.CustomerSpec{CustomerID: id, Account: account},
	}
}

func newSubscription(customer *v1alpha1.Customer, id string) *v1alpha1.Subscription {
	return &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:  customer.Namespace,
			Name:       naming.Object(customer.Spec.Account, id),
			Labels:     naming.Labels("", customer.Spec.CustomerID, id),
			Generation: firstGeneration,
		},
		Spec: v1alpha1.SubscriptionSpec{
			SubscriptionID: id,
			Account:        customer.Spec.Account,
			CustomerRef:    v1alpha1.ObjectReference{Name: customer.Name},
		},
	}
}
