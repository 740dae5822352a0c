package customer

import (
	"context"
	"errors"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/panics"
)

// isFault reports whether a plan failed because of what was folded: the fold panicked, or the schema refuses a status.
// Planning the same again cannot help.
func isFault(err error) bool {
	_, panicked := errors.AsType[*panics.Error](err)
	return panicked || crdschema.IsInvalid(err)
}

// planWithoutFaults plans with as many of the events as can be folded together, and marks the others. It works in
// memory and writes nothing.
//
// If even the plan without pending events fails, none of them is at fault. The cause is what was read from Stripe or a
// settled event that is folded again, which are left out, or a stored status, which is an error.
func (r *Reconciler) planWithoutFaults(ctx context.Context, c *reconciliation, cause error) (*plan, error) {
	log := ctrl.LoggerFrom(ctx)
	logFault(ctx, "Events cannot be folded together, looking for those at fault", cause)
	_, err := r.plan(ctx, c, nil)
	if isFault(err) && c.batch != nil {
		logFault(ctx, "Dropping what was read from Stripe: it cannot be folded", err)
		r.dropReadings(c)
		_, err = r.plan(ctx, c, nil)
	}
	if isFault(err) && len(c.recorded) > 0 {
		logFault(ctx, "Leaving out the settled events: one of them cannot be folded again", err)
		c.leaveOutRecorded()
		_, err = r.plan(ctx, c, nil)
	}
	if err != nil {
		return nil, err
	}
	kept, err := r.keepFoldable(ctx, c, nil, c.foldable())
	if err != nil {
		return nil, err
	}
	for _, e := range c.pending {
		if e.fault != nil {
			log.Error(e.fault, "Event cannot be folded", "eventID", e.Spec.EventID, "attempt", e.Status.Attempts+1)
		}
	}
	return r.plan(ctx, c, kept)
}

// keepFoldable adds to kept those of the candidates that can be folded together with it. It tries all of them, then
// each half, and so on: one event at fault among n takes about 2·log₂(n) tries. A single candidate that fails together
// with kept is at fault.
func (r *Reconciler) keepFoldable(ctx context.Context, c *reconciliation, kept, candidates []*pendingEvent) ([]*pendingEvent, error) {
	if len(candidates) == 0 {
		return kept, nil
	}
	all := append(slices.Clip(kept), candidates...)
	_, err := r.plan(ctx, c, all)
	switch {
	case err == nil:
		return all, nil
	case !isFault(err):
		return nil, err
	case len(candidates) == 1:
		candidates[0].fault = err
		return kept, nil
	}
	half := len(candidates) / 2
	if kept, err = r.keepFoldable(ctx, c, kept, candidates[:half]); err != nil {
		return nil, err
	}
	return r.keepFoldable(ctx, c, kept, candidates[half:])
}

// dropReadings gives up what was read from Stripe. The sweep, or a new value of the annotation, reads it again.
func (r *Reconciler) dropReadings(c *reconciliation) {
	r.Readings.Remove(client.ObjectKeyFromObject(c.customer), c.inMailbox)
	c.batch = nil
}

// leaveOutRecorded leaves out the settled events. If the customer's status is lost, what they report counts as gone: otherwise a
// customer.created that is delivered again would make the customer known whole, without the subscriptions of the others.
func (c *reconciliation) leaveOutRecorded() {
	for _, e := range c.recorded {
		after := metav1.NewTime(e.Spec.Created.Add(time.Second))
		if len(c.customer.Status.Conditions) == 0 && (c.goneBefore == nil || c.goneBefore.Before(&after)) {
			c.goneBefore = &after
		}
	}
	c.recorded = nil
}

// logFault logs why a plan failed, with the stack of a panic.
func logFault(ctx context.Context, message string, err error) {
	log := ctrl.LoggerFrom(ctx)
	if panicked, ok := errors.AsType[*panics.Error](err); ok {
		log = log.WithValues("panic", panicked.What, "stack", panicked.Stack)
	}
	log.Error(err, message)
}
