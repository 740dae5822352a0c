// Package retry is the controller that makes a Failed event pending again.
//
// It observes BillingEvents whose outcome is Failed. It decides whether the annotation billing.tollkeeper.dev/retry has
// a value that was not answered yet. It writes the event's status: pending, with all its attempts ahead.
package retry

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/annotation"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
)

// Reconciler makes Failed events pending again.
type Reconciler struct {
	// Failed caches the Failed events, and no others.
	Failed cache.Cache
	Client client.Client
}

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	enqueue := &handler.TypedEnqueueRequestForObject[*v1alpha1.BillingEvent]{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("retry").
		WatchesRawSource(source.Kind(r.Failed, &v1alpha1.BillingEvent{}, enqueue)).
		WithOptions(options).
		Complete(r)
}

// Reconcile looks at one Failed event.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	if err := r.Failed.Get(ctx, req.NamespacedName, &e); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	request := annotation.Unanswered(e.Annotations[v1alpha1.AnnotationRetry], e.Status.Retried)
	if request == "" {
		return ctrl.Result{}, nil
	}
	e.Status = v1alpha1.BillingEventStatus{CustomerID: e.Status.CustomerID, Retried: request}
	if err := r.Client.Status().Update(ctx, &e, client.DisableReadYourWritesConsistency); err != nil {
		return requeue.OnWriteError(client.IgnoreNotFound(fmt.Errorf("make BillingEvent %s pending again: %w", e.Name, err)))
	}
	ctrl.LoggerFrom(ctx).Info("Retrying a failed event", "eventID", e.Spec.EventID)
	return ctrl.Result{}, nil
}
