package controller

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
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
