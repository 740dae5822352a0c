// Package requeue turns the end of a reconciliation, an error or a time, into when the object is reconciled next.
package requeue

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// At reconciles at the time; nil waits for a change.
func At(next *time.Time, now time.Time) ctrl.Result {
	if next == nil {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(now), time.Millisecond)}
}

// WithBackoff reconciles after a delay that doubles with each one in a row, without an error in the log.
func WithBackoff() ctrl.Result {
	return ctrl.Result{Requeue: true} //nolint:staticcheck // RequeueAfter, which replaces it, takes no part in the backoff
}

// OnWriteError handles the error of a write. A conflict means that the object has changed since it was read. That is no
// fault and not worth a log line: the object is read again with backoff, until the cache shows the change.
func OnWriteError(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) && !apirejection.Is(err) {
		return WithBackoff(), nil
	}
	return ctrl.Result{}, err
}

// OnStripeError handles an error of Stripe's API. After a 429 it waits as long as Stripe asks; else it backs off.
func OnStripeError(err error) (ctrl.Result, error) {
	if wait, limited := stripeapi.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return ctrl.Result{}, err
}
