package controller

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// conflictDelay is how long to wait before an object that somebody else wrote meanwhile is read again.
const conflictDelay = 20 * time.Millisecond

// retry turns the error of a write into what the reconciler does next. That somebody else wrote the object since it was read is
// no fault.
func retry(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	return ctrl.Result{}, err
}

// askAgain turns an error of Stripe's API into what the reconciler does next: it comes back when Stripe says, else it backs off.
func askAgain(err error) (ctrl.Result, error) {
	if wait, limited := stripeapi.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return ctrl.Result{}, err
}

// unanswered is an annotation's value, as far as a status has room for it, unless it was answered before.
func unanswered(value, answered string) string {
	if runes := []rune(value); len(runes) > 255 {
		value = string(runes[:255])
	}
	if value == answered {
		return ""
	}
	return value
}
