package customer

import (
	"context"
	"errors"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
)

const (
	// firstRetry is the pause after the first failed attempt. It doubles with each attempt, up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 10 * time.Minute
)

// writeOutcomes writes what became of the events, last of all. An event whose outcome the API server refuses does not
// hold up the next.
func (r *Reconciler) writeOutcomes(ctx context.Context, c *reconciliation) error {
	w := outcome.Writer{Client: r.Client, Clock: r.Clock}
	var rejected error
	for _, e := range c.pending {
		w.ShownAt = e.shownAt
		var err error
		switch {
		case e.deferred:
			c.reconcileBy(e.Status.RetryAt.Time)
		case e.rejected != nil:
			err = w.NoteRejected(ctx, e.BillingEvent, condition.Sentence(e.rejected))
		case e.fault != nil:
			err = r.writeFailedAttempt(ctx, c, e)
		default:
			err = w.Settle(ctx, e.BillingEvent, e.outcome, e.message)
		}
		if apirejection.Is(err) {
			rejected = errors.Join(rejected, err)
		} else if err != nil {
			return err
		}
	}
	return rejected
}

// writeFailedAttempt postpones an event at fault, or fails it after its last attempt.
func (r *Reconciler) writeFailedAttempt(ctx context.Context, c *reconciliation, e *pendingEvent) error {
	w := outcome.Writer{Client: r.Client, Clock: r.Clock}
	attempts := int(e.Status.Attempts) + 1
	if attempts >= r.EventAttempts {
		return w.Settle(ctx, e.BillingEvent, v1alpha1.OutcomeFailed, condition.Sentence(e.fault))
	}
	pause := min(firstRetry<<min(attempts-1, 16), lastRetry)
	retryAt, err := w.Postpone(ctx, e.BillingEvent, pause, condition.Sentence(e.fault))
	c.reconcileBy(retryAt)
	return err
}
