package customer

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// commitOneByOne folds and writes the events one at a time, after the API server has refused them together. The statuses are valid by
// the CRDs of this version, so a policy of the cluster, or a CRD of another version, refuses them. That is no fault of an event: those
// whose write is refused wait and are tried again without end; the others go on.
//
// For example, a policy refuses the price "max". Of the events e1 (new address), e2 (change to "max") and e3 (new card), e1 and e3 are
// applied, and e2 waits until the policy is gone.
func (r *Reconciler) commitOneByOne(ctx context.Context, c *reconciliation, cause error) error {
	ctrl.LoggerFrom(ctx).Info("The API server refuses a status; writing the events one by one", "reason", cause.Error())
	events := c.foldable()
	if err := r.commitWithoutEvents(ctx, c); apirejection.Is(err) {
		return reject(events, err) // whatever is folded is refused
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

// commitWithoutEvents writes what the clock, or what was read from Stripe, alone changes. What was read is dropped if it is refused. A
// customer without a status gets none: with no event in it, it would be published as having no subscription.
func (r *Reconciler) commitWithoutEvents(ctx context.Context, c *reconciliation) error {
	for len(c.customer.Status.Conditions) > 0 {
		p, err := r.plan(ctx, c, nil)
		if err == nil {
			err = r.commit(ctx, c, p)
		}
		if !apirejection.Is(err) || c.batch == nil {
			return err
		}
		ctrl.LoggerFrom(ctx).Info("Dropping what was read from Stripe: the API server refuses it", "reason", err.Error())
		r.dropReadings(c)
	}
	return nil
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
