package customer

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
)

// Reconcile brings one customer up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	defer r.Takeover.Handled(req.NamespacedName)
	start, batch := r.Clock.Now(), r.Readings.Peek(req.NamespacedName)
	if due := r.Pace.LookAt(req.NamespacedName); batch == nil && due.After(start) && !r.isSpecNew(ctx, req) {
		return r.continueAt(&due, normalPriority), nil
	}
	c, err := r.load(ctx, req.NamespacedName, batch)
	if err != nil {
		return ctrl.Result{}, err
	}
	if c == nil {
		r.Readings.Remove(req.NamespacedName, batch)
		r.Delivered.Drop(req.NamespacedName)
		r.Erased.Remove(req.NamespacedName, r.Erased.Peek(req.NamespacedName))
		r.Pace.Forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err := r.writeStatuses(ctx, c, start); err != nil {
		return requeue.OnWriteError(err)
	}
	if c.postponed {
		return r.continueAt(new(r.Pace.WriteAt(req.NamespacedName)), normalPriority), nil
	}
	r.Readings.Remove(req.NamespacedName, batch)
	r.Delivered.Remove(c.customer)
	r.Erased.Remove(req.NamespacedName, c.erasure)
	if err := r.planEmails(ctx, c); err != nil {
		return requeue.OnWriteError(err)
	}
	return r.settle(ctx, c, start)
}

// writeStatuses folds the pending events and writes what that changes. If the API server refuses the statuses, it folds
// and writes one event at a time. While further events are expected it writes only what decides access.
func (r *Reconciler) writeStatuses(ctx context.Context, c *reconciliation, start time.Time) error {
	key, isAsked := client.ObjectKeyFromObject(c.customer), c.batch != nil || isSpecNew(c.customer)
	mayWait := !isAsked && r.Pace.WriteAt(key).After(start)
	p, err := r.outline(ctx, c, c.foldable())
	// One event at fault can hide that another one decides access. A single one hides only itself.
	if err == nil && (!mayWait || len(p.events) > 1 || p.decidesAccess(c.customer)) {
		err = r.validate(ctx, c, p)
	}
	if isFault(err) {
		p, err = r.planWithoutFaults(ctx, c, err)
	}
	if err != nil {
		return err
	}
	if mayWait && !p.decidesAccess(c.customer) {
		r.Pace.LookedAt(key, start)
		c.postponed = true
		return nil
	}
	err = r.commit(ctx, c, p)
	if apirejection.Is(err) {
		err = r.commitOneByOne(ctx, c, err)
	}
	return err
}

// settle writes the outcomes of the events that the statuses show, once they are due, and says when the customer is
// reconciled next. Attempts that failed are written at once.
func (r *Reconciler) settle(ctx context.Context, c *reconciliation, start time.Time) (ctrl.Result, error) {
	if err := r.writeAttempts(ctx, c); err != nil {
		return requeue.OnWriteError(err)
	}
	key := client.ObjectKeyFromObject(c.customer)
	if toSettle := c.toSettle(); len(toSettle) > 0 {
		if due := r.Pace.Shown(key, start, c.applied()); due.After(r.Clock.Now()) && !c.isRejected() {
			c.reconcileBy(due)
			return r.continueAt(c.reconcileAt, r.settlePriority()), nil
		}
		if err := r.writeOutcomes(ctx, c, toSettle); err != nil {
			return requeue.OnWriteError(err)
		}
	}
	r.Pace.Settled(key, start)
	if c.isRejected() {
		return requeue.WithBackoff(), nil
	}
	return r.continueAt(c.reconcileAt, normalPriority), nil
}

// isSpecNew reports whether a person has changed the Customer's spec since its status was written: that waits for no events.
func (r *Reconciler) isSpecNew(ctx context.Context, req ctrl.Request) bool {
	var c v1alpha1.Customer
	return r.Client.Get(ctx, req.NamespacedName, &c) == nil && isSpecNew(&c)
}

func isSpecNew(c *v1alpha1.Customer) bool {
	return c.UID != "" && c.Generation != c.Status.ObservedGeneration
}

// continueAt has the customer reconciled again at the time; nil waits for a change.
func (r *Reconciler) continueAt(at *time.Time, priority int) ctrl.Result {
	result := requeue.At(at, r.Clock.Now())
	result.Priority = &priority
	return result
}

// settlePriority is low, so that statuses come before outcomes, unless so many outcomes wait that they take up memory.
func (r *Reconciler) settlePriority() int {
	if r.Pace.Waiting() > maxUnsettled {
		return normalPriority
	}
	return settlePriority
}
