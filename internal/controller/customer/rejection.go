package customer

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// commitOneByOne folds and writes the events one at a time, after the API server has refused their statuses together.
// By the embedded CRDs the statuses are valid, so the cause is an admission policy or webhook, or an installed CRD of
// another version. That is no fault of an event. Those whose write is refused wait and are retried without end; the
// others are applied.
//
// For example, a policy refuses the price "max". Of the events e1 (new address), e2 (change to "max") and e3 (new
// card), e1 and e3 are applied, and e2 waits until the policy is gone.
func (r *Reconciler) commitOneByOne(ctx context.Context, c *reconciliation, cause error) error {
	ctrl.LoggerFrom(ctx).Info("The API server refuses a status; writing the events one by one", "reason", cause.Error())
	c.wasRejected = true
	events := c.foldable()
	if len(events) == 0 && len(c.customer.Status.Conditions) == 0 { // there is nothing to write one by one
		if c.batch != nil {
			r.dropRejected(ctx, c, cause)
		}
		return cause
	}
	err := r.commitWithoutEvents(ctx, c)
	if apirejection.Is(err) && c.forgetPending() {
		if err = r.readRecorded(ctx, c); err == nil {
			err = r.commitWithoutEvents(ctx, c)
		}
	}
	if apirejection.Is(err) {
		return reject(events, err) // every status is refused, whichever event is folded
	} else if err != nil {
		return err
	}
	for _, e := range events {
		p, err := r.plan(ctx, c, []*pendingEvent{e})
		if err == nil {
			err = r.commit(ctx, c, p)
		}
		switch {
		case isFault(err):
			e.fault = err
		case apirejection.Is(err):
			e.rejected = err
		case err != nil:
			return err
		}
	}
	return nil
}

// commitWithoutEvents writes what the clock and the readings from Stripe change. If the API server refuses that, the
// readings are dropped. A customer without a status gets none here: without its events, the status would show no
// subscription.
func (r *Reconciler) commitWithoutEvents(ctx context.Context, c *reconciliation) error {
	for len(c.customer.Status.Conditions) > 0 {
		p, err := r.plan(ctx, c, nil)
		if err == nil {
			err = r.commit(ctx, c, p)
		}
		if !apirejection.Is(err) || c.batch == nil {
			return err
		}
		r.dropRejected(ctx, c, err)
	}
	return nil
}

// dropRejected gives up what was read from Stripe, as the API server refuses it. The import waits for each of its customers to take in
// what it has listed: one that a webhook refuses would hold up every page. It notes those that did not.
func (r *Reconciler) dropRejected(ctx context.Context, c *reconciliation, cause error) {
	ctrl.LoggerFrom(ctx).Info("Dropping what was read from Stripe: the API server refuses it", "reason", cause.Error())
	r.dropReadings(c)
}

// forgetPending empties, in memory, the statuses of the subscriptions that show a pending event, and reports whether there was one. A
// process that was killed between the write of a subscription and the refusal of its customer has left the refused change there. The
// recorded events, folded again, give back the rest.
func (c *reconciliation) forgetPending() (found bool) {
	pending := map[string]bool{}
	for _, e := range c.pending {
		pending[e.Spec.EventID] = true
	}
	for id, s := range c.subscriptions {
		for _, p := range s.Status.Positions {
			if pending[p.EventID] {
				emptied := s.DeepCopy()
				emptied.Status = v1alpha1.SubscriptionStatus{}
				c.subscriptions[id], found = emptied, true
				if c.lists(id) {
					c.lost = append(c.lost, id)
				}
				break
			}
		}
	}
	return found
}

// reject marks the events as rejected. Without an event to carry it the rejection is an error.
func reject(events []*pendingEvent, err error) error {
	if len(events) == 0 {
		return err
	}
	for _, e := range events {
		e.rejected = err
	}
	return nil
}
