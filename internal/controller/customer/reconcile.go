package customer

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
)

// Reconcile brings one customer up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	batch := r.Readings.Peek(req.NamespacedName)
	c, err := r.load(ctx, req.NamespacedName, batch)
	if err != nil {
		return ctrl.Result{}, err
	}
	if c == nil {
		r.Readings.Remove(req.NamespacedName, batch)
		r.Delivered.Drop(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err := r.writeStatuses(ctx, c); err != nil {
		return requeue.OnWriteError(err)
	}
	r.Readings.Remove(req.NamespacedName, batch)
	r.Delivered.Remove(c.customer)
	if err := r.planEmails(ctx, c); err != nil {
		return requeue.OnWriteError(err)
	}
	if err := r.writeOutcomes(ctx, c); err != nil {
		return requeue.OnWriteError(err)
	}
	if c.isRejected() {
		return requeue.WithBackoff(), nil
	}
	return requeue.At(c.reconcileAt, r.Clock.Now()), nil
}

// writeStatuses folds the pending events and writes what that changes. If the API server refuses the statuses, it folds
// and writes one event at a time.
func (r *Reconciler) writeStatuses(ctx context.Context, c *reconciliation) error {
	p, err := r.plan(ctx, c, c.foldable())
	if isFault(err) {
		p, err = r.planWithoutFaults(ctx, c, err)
	}
	if err != nil {
		return err
	}
	err = r.commit(ctx, c, p)
	if apirejection.Is(err) {
		err = r.commitOneByOne(ctx, c, err)
	}
	return err
}
