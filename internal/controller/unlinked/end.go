package unlinked

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
)

// keep ends an event that is not applied. The reason says whether another version or configuration may apply it.
func (r *Reconciler) keep(ctx context.Context, e *v1alpha1.BillingEvent, reason v1alpha1.RecordedReason, message string) (ctrl.Result, error) {
	e.Status.Reason = reason
	return r.end(ctx, e, v1alpha1.OutcomeRecorded, message)
}

func (r *Reconciler) end(ctx context.Context, e *v1alpha1.BillingEvent, result v1alpha1.Outcome, message string) (ctrl.Result, error) {
	return r.written(e, outcome.Writer{Client: r.Client, Clock: r.Clock}.End(ctx, e, result, message))
}

// linkTo hands the event over to the customer's controller.
func (r *Reconciler) linkTo(ctx context.Context, e *v1alpha1.BillingEvent, customerID string) (ctrl.Result, error) {
	e.Status.CustomerID = customerID
	return r.written(e, r.Client.Status().Update(ctx, e, client.DisableReadYourWritesConsistency))
}

// written handles the end of the write after which the event waits no longer.
func (r *Reconciler) written(e *v1alpha1.BillingEvent, err error) (ctrl.Result, error) {
	if err == nil {
		r.searches.forget(client.ObjectKeyFromObject(e))
	}
	return requeue.OnWriteError(err)
}
