package controller

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
)

// RetryReconciler makes a failed event pending again when somebody asks for it.
type RetryReconciler struct {
	// Failed holds the events that have failed, and no others.
	Failed cache.Cache
	Client client.Client
}

// SetupWithManager registers the reconciler.
func (r *RetryReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("retry").
		WatchesRawSource(source.Kind(r.Failed, &v1alpha1.BillingEvent{}, &handler.TypedEnqueueRequestForObject[*v1alpha1.BillingEvent]{})).
		WithOptions(options).
		Complete(r)
}

// Reconcile looks whether one failed event is to be retried. It begins anew, with all its attempts.
func (r *RetryReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	if err := r.Failed.Get(ctx, req.NamespacedName, &e); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	value := unanswered(e.Annotations[v1alpha1.AnnotationRetry], e.Status.Retried)
	if value == "" {
		return ctrl.Result{}, nil
	}
	e.Status = v1alpha1.BillingEventStatus{CustomerID: e.Status.CustomerID, Retried: value}
	if err := r.Client.Status().Update(ctx, &e, client.DisableReadYourWritesConsistency); err != nil {
		return retry(client.IgnoreNotFound(fmt.Errorf("make BillingEvent %s pending again: %w", e.Name, err)))
	}
	ctrl.LoggerFrom(ctx).Info("Failed event is tried again", "eventID", e.Spec.EventID)
	return ctrl.Result{}, nil
}
