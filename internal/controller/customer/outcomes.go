package customer

import (
	"context"
	"errors"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

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

// writeAttempts writes why events wait: those that cannot be folded, and those whose statuses the API server refuses. An event whose
// message the API server refuses does not hold up the next.
func (r *Reconciler) writeAttempts(ctx context.Context, c *reconciliation) error {
	w := outcome.Writer{Client: r.Client, Clock: r.Clock}
	return eachWrite(c.pending, func(e *pendingEvent) error {
		switch {
		case e.deferred:
			c.reconcileBy(e.Status.RetryAt.Time)
			return nil
		case e.rejected != nil:
			return w.NoteRejected(ctx, e.BillingEvent, condition.Sentence(e.rejected))
		case e.fault != nil:
			return r.writeFailedAttempt(ctx, c, e)
		default:
			return nil
		}
	})
}

// writeOutcomes writes what became of the events, last of all.
func (r *Reconciler) writeOutcomes(ctx context.Context, c *reconciliation, events []*pendingEvent) error {
	w, key := outcome.Writer{Client: r.Client, Clock: r.Clock}, client.ObjectKeyFromObject(c.customer)
	return eachWrite(events, func(e *pendingEvent) error {
		if w.ShownAt = r.Pace.AppliedAt(key, e.Spec.EventID); !w.ShownAt.IsZero() {
			return r.end(ctx, w, c, e, v1alpha1.OutcomeApplied, "")
		}
		w.ShownAt = e.shownAt
		return r.end(ctx, w, c, e, e.outcome, e.message)
	})
}

// end writes the outcome of an event. First of all the customer is noted as one that has ended events: once the outcome is written, the
// event may be missing among the pending ones.
func (r *Reconciler) end(
	ctx context.Context, w outcome.Writer, c *reconciliation, e *pendingEvent, result v1alpha1.Outcome, message string,
) error {
	r.Ended.NoteEnding(c.customer.Spec.Account, c.customer.Spec.CustomerID)
	return w.End(ctx, e.BillingEvent, result, message)
}

// eachWrite writes something of each event. It goes on if the API server refuses a write, and returns these refusals.
func eachWrite(events []*pendingEvent, write func(*pendingEvent) error) error {
	var rejected error
	for _, e := range events {
		err := write(e)
		if apirejection.Is(err) {
			rejected = errors.Join(rejected, err)
		} else if err != nil {
			return err
		}
	}
	return rejected
}

// toSettle returns the events whose outcome is known.
func (c *reconciliation) toSettle() []*pendingEvent {
	return slices.DeleteFunc(slices.Clone(c.pending), func(e *pendingEvent) bool {
		return e.deferred || e.rejected != nil || e.fault != nil
	})
}

// applied returns the ids of the events that a status shows now.
func (c *reconciliation) applied() []string {
	var ids []string
	for _, e := range c.pending {
		if e.outcome == v1alpha1.OutcomeApplied {
			ids = append(ids, e.Spec.EventID)
		}
	}
	return ids
}

// writeFailedAttempt postpones an event at fault, or fails it after its last attempt.
func (r *Reconciler) writeFailedAttempt(ctx context.Context, c *reconciliation, e *pendingEvent) error {
	w := outcome.Writer{Client: r.Client, Clock: r.Clock}
	attempts := int(e.Status.Attempts) + 1
	if attempts >= r.EventAttempts {
		return r.end(ctx, w, c, e, v1alpha1.OutcomeFailed, condition.Sentence(e.fault))
	}
	pause := min(firstRetry<<min(attempts-1, 16), lastRetry)
	retryAt, err := w.Postpone(ctx, e.BillingEvent, pause, condition.Sentence(e.fault))
	c.reconcileBy(retryAt)
	return err
}
