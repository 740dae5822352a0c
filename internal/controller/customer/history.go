package customer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const (
	// recordedPage is how many recorded events are read at a time.
	recordedPage = 500
	// signupSpan is how old customer.created may be for its customer to count as new.
	signupSpan = time.Hour
)

// loadRecorded reads every settled event about the customer if the Customer, or one of its Subscriptions, has no
// status: it was deleted, or it was restored or made by hand. Folding those events again gives back the status that was
// lost. It does the same, once in a process, if a status shows what it does not remember: an older version has written it.
//
// Events that are older than the retention may be gone. What the others give back may not be whole then.
//
// A customer whose customer.created is pending and recent is taken as new, unless it is known to have ended events: so a sign-up costs
// no search, not even while the ended events are still being listed (package ended). For example, the Customer of cus_A is deleted, whose
// customer.created did not arrive at first:
//
//	the events of its subscription have ended    customer.created, delivered again, makes nothing whole without them
//	no event of it has ended                     all that is known of it is pending
func (r *Reconciler) loadRecorded(ctx context.Context, c *reconciliation) error {
	forgets := c.forgets() && !r.recalled.has(c.customer.UID)
	identity, isSigningUp := c.customer.Spec, len(c.lost) == 0 && c.isSigningUp(r.Clock.Now())
	if !forgets && (!c.lacksStatus() || isSigningUp && !r.Ended.Has(identity.Account, identity.CustomerID)) {
		return nil
	}
	return r.readRecorded(ctx, c)
}

// noteGone notes from when on all events of the customer have been read, if its status is lost. It comes after reading them: what
// is deleted meanwhile was announced before.
//
// A customer of which nothing is there but pending events has lost no status, unless they are about something from before that
// time. For example, with events gone before March:
//
//	customer.subscription.deleted in May, of a subscription of April      a customer that is new to this installation
//	customer.subscription.deleted in May, of a subscription of January    its Customer may have been deleted, and its events archived
func (r *Reconciler) noteGone(ctx context.Context, c *reconciliation) error {
	if r.GoneBefore == nil || !c.lacksStatus() {
		return nil
	}
	before, err := r.GoneBefore(ctx)
	if err != nil {
		return fmt.Errorf("find out whether events of Customer %s are gone: %w", c.customer.Name, err)
	}
	isNew := c.customer.UID == "" && len(c.recorded) == 0 && !c.isAbout(before)
	if !before.IsZero() && !isNew {
		c.goneBefore = new(metav1.NewTime(before.UTC().Truncate(time.Second)))
	}
	return nil
}

// isAbout reports whether a pending event is about something from before the time.
func (c *reconciliation) isAbout(before time.Time) bool {
	for _, e := range c.pending {
		at := []*metav1.Time{&e.Spec.Created}
		if e.Spec.Subscription != nil {
			at = append(at, e.Spec.Subscription.StartedAt)
		}
		if e.Spec.Invoice != nil {
			at = append(at, e.Spec.Invoice.Created)
		}
		if e.Spec.Payment != nil {
			at = append(at, e.Spec.Payment.Created)
		}
		if slices.ContainsFunc(at, func(t *metav1.Time) bool { return t != nil && t.Time.Before(before) }) {
			return true
		}
	}
	return false
}

// readRecorded reads every event about the customer that was folded before, as far as they are still there. A customer that is
// known to have none costs no search.
func (r *Reconciler) readRecorded(ctx context.Context, c *reconciliation) error {
	c.recorded = nil
	if !r.Ended.MayHave(c.customer.Spec.Account, c.customer.Spec.CustomerID) {
		return r.noteGone(ctx, c)
	}
	for _, selected := range naming.EventsOf(c.customer.Spec.CustomerID) {
		if err := r.listRecorded(ctx, c, client.MatchingFields(selected)); err != nil {
			return fmt.Errorf("list the recorded events of Customer %s: %w", c.customer.Name, err)
		}
	}
	return r.noteGone(ctx, c)
}

// findLost finds the subscriptions that the customer's status lists and that have no status any more: their object was deleted, or
// was made anew without one. One whose object is another customer's by now is none of this customer's. For example, sub_A is deleted:
//
//	the object is made again, and the process is killed before it has a status    the next process finds it lost again
//	a backup tool puts the object back, which leaves out statuses                 it is lost, whatever the Customer shows
//
// What the recorded events do not give back of them is not known: they stay, by name only (projection.KeepByName).
func (r *Reconciler) findLost(ctx context.Context, c *reconciliation) error {
	for i := range c.customer.Status.Subscriptions {
		id := c.customer.Status.Subscriptions[i].SubscriptionID
		if c.subscriptions[id] == nil {
			why, err := r.whyForeign(ctx, c, id)
			if err != nil {
				return err
			}
			if why != "" {
				continue
			}
		}
		if s := c.subscriptions[id]; s == nil || !hasStatus(s) {
			c.lost = append(c.lost, id)
		}
	}
	return nil
}

// lists reports whether the customer's stored status lists the subscription.
func (c *reconciliation) lists(subscriptionID string) bool {
	return slices.ContainsFunc(c.customer.Status.Subscriptions, func(s v1alpha1.SubscriptionSummary) bool {
		return s.SubscriptionID == subscriptionID
	})
}

// lacksStatus reports whether the customer, or one of its subscriptions, has no status to fold events into.
func (c *reconciliation) lacksStatus() bool {
	return len(c.lost) > 0 || len(c.customer.Status.Conditions) == 0
}

// forgets reports whether a status shows a part without its place in the order of events.
func (c *reconciliation) forgets() bool {
	for _, s := range c.subscriptions {
		if projection.SubscriptionForgets(&s.Status) {
			return true
		}
	}
	return projection.CustomerForgets(&c.customer.Status)
}

// recalled are the customers whose recorded events this process has folded again. A part whose events are gone is forgotten still
// then: reading the others each time would not help.
type recalled struct{ customers sync.Map }

func (r *recalled) has(customer types.UID) bool {
	_, isNoted := r.customers.Load(customer)
	return isNoted
}

// note notes a customer whose statuses are written.
func (r *recalled) note(c *reconciliation) {
	if len(c.recorded) > 0 {
		r.customers.Store(c.customer.UID, struct{}{})
	}
}

// isSigningUp reports whether the customer was created just now. An old customer.created, which came late or is retried, may be about a
// customer that has a history.
func (c *reconciliation) isSigningUp(now time.Time) bool {
	for _, e := range c.pending {
		isRecent := now.Sub(e.Spec.Created.Time) < signupSpan && now.Sub(e.CreationTimestamp.Time) < signupSpan
		if e.Spec.Type == "customer.created" && isRecent {
			return true
		}
	}
	return false
}

// listRecorded adds the events about the customer that were folded before. It skips Recorded and Failed ones, which
// changed nothing.
func (r *Reconciler) listRecorded(ctx context.Context, c *reconciliation, selector client.ListOption) error {
	next := ""
	for {
		var page v1alpha1.BillingEventList // a new one: c.recorded points into the last one
		if err := r.Reader.List(ctx, &page, client.InNamespace(c.customer.Namespace), selector,
			client.Limit(recordedPage), client.Continue(next)); err != nil {
			return err
		}
		for i := range page.Items {
			e := &page.Items[i]
			isOfCustomer := e.CustomerID() == c.customer.Spec.CustomerID && e.Spec.Account == c.customer.Spec.Account
			wasFolded := e.Status.Outcome == v1alpha1.OutcomeApplied || e.Status.Outcome == v1alpha1.OutcomeSuperseded
			if isOfCustomer && wasFolded {
				e.TakeContent()
				c.recorded = append(c.recorded, e)
			}
		}
		if next = page.Continue; next == "" {
			return nil
		}
	}
}
