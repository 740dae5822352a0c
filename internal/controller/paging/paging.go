// Package paging lists many pages at the API server: it goes on when a list has expired, and keeps a pace.
package paging

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ContinueAnew is the token with which a list goes on whose own token has expired, as it does after some minutes; empty if the
// error is another one. What changes meanwhile may be missing. See
// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks.
func ContinueAnew(err error) string {
	status, isStatus := errors.AsType[*apierrors.StatusError](err)
	if !isStatus || !apierrors.IsResourceExpired(err) {
		return ""
	}
	return status.ErrStatus.Continue
}
