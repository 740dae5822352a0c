// Package retry is the controller that gives an event a second chance: it makes a Failed or Recorded event pending again.
//
// It observes BillingEvents whose outcome is Failed, and those Recorded ones that have the label billing.tollkeeper.dev/retry.
// It decides whether the annotation or label billing.tollkeeper.dev/retry has a value that was not answered yet. If the event
// has no record that can be applied, it reads the event from Stripe again. It writes the event's status: pending, with all
// its attempts ahead, or a message that says why it cannot be retried.
//
// What is read goes into status.refetched, and is applied in place of spec. A second BillingEvent in its place would break
// "one event, one object": the name follows from the event's id, and backfill, history and erasure find an event by it. In
// the status it is protected by the policy that protects outcomes, goes when the event goes, and takes room in etcd only for
// the few events that needed it.
//
// The Opener does the same without a request for the Recorded events that a new version or configuration applies.
package retry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/annotation"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// Reconciler makes Failed and Recorded events pending again.
type Reconciler struct {
	// Failed caches the Failed events, and no others.
	Failed cache.Cache
	// Labelled caches the Recorded events with LabelRetry, and no others; nil if they are not retried.
	Labelled cache.Cache
	Client   client.Client
	Clock    clock.PassiveClock
	// Chance decides whether an event can be retried.
	Chance Chance
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	enqueue := &handler.TypedEnqueueRequestForObject[*v1alpha1.BillingEvent]{}
	b := ctrl.NewControllerManagedBy(mgr).Named("retry").WithOptions(options).
		WatchesRawSource(source.Kind(r.Failed, &v1alpha1.BillingEvent{}, enqueue))
	if r.Labelled != nil {
		b = b.WatchesRawSource(source.Kind(r.Labelled, &v1alpha1.BillingEvent{}, enqueue))
	}
	return b.Complete(r)
}

// notPermitted answers a request that the key has no permission for.
const notPermitted = "The event has to be read from Stripe again, and the API key may not do that: give the restricted key the permission to " +
	"read events, and what they are about, and retry the event."

// Reconcile looks at one Failed or Recorded event.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	err := r.Failed.Get(ctx, req.NamespacedName, &e)
	if client.IgnoreNotFound(err) == nil && err != nil && r.Labelled != nil {
		err = r.Labelled.Get(ctx, req.NamespacedName, &e)
	}
	if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	request := requestOf(&e)
	if request == "" {
		return ctrl.Result{}, nil
	}
	log, w := ctrl.LoggerFrom(ctx).WithValues("eventID", e.Spec.EventID), outcome.Writer{Client: r.Client, Clock: r.Clock}
	refetched, refusal, err := r.Chance.Of(ctx, &e)
	switch _, isPause := stripeapi.RetryAfter(err); {
	case errors.Is(err, stripeapi.ErrRefused) && !isPause: // it is about events, or such objects, alone
		return requeue.OnWriteError(w.RefuseRetry(ctx, &e, request, notPermitted))
	case err != nil:
		return requeue.OnStripeError(err)
	case refusal != "":
		log.Info("Event cannot be retried", "reason", refusal)
		return requeue.OnWriteError(w.RefuseRetry(ctx, &e, request, refusal))
	}
	err = w.Reopen(ctx, &e, refetched, request)
	if refetched != nil && apirejection.OfField(err, "status.refetched") { // the CRD refuses it as it refused the record before
		return requeue.OnWriteError(w.RefuseRetry(ctx, &e, request, fmt.Sprintf(
			"The event was read from Stripe again, and the API server refuses it: %s. Install the CRDs of this version, and retry the event.",
			apirejection.Explain(err))))
	}
	if err != nil {
		return requeue.OnWriteError(err)
	}
	log.Info("Retrying an event", "outcome", e.Status.Outcome, "readAgain", refetched != nil)
	return ctrl.Result{}, nil
}

// requestOf returns the request to retry the event; empty if there is none, or if it was answered. An event may have both
// the annotation and the label: a new value of either is a new request. The label, which is short, comes first: a status has
// no room for all of a long annotation.
func requestOf(e *v1alpha1.BillingEvent) string {
	values := strings.Trim(e.Labels[v1alpha1.LabelRetry]+" "+e.Annotations[v1alpha1.AnnotationRetry], " ")
	return annotation.Unanswered(values, e.Status.Retried)
}
