package controller

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// retry turns the error of a write into what the reconciler does next. That somebody else wrote the object since it was read is
// no fault, and worth no word: it is read again, after a pause that grows for as long as the cache shows what was.
func retry(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) && !apirejection.Is(err) {
		return ctrl.Result{Requeue: true}, nil //nolint:staticcheck // what replaces it takes no part in the backoff
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
	if value = cut(value, 255); value == answered {
		return ""
	}
	return value
}

// cut is the text, or its first characters if it has more than the limit.
func cut(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit])
	}
	return text
}
