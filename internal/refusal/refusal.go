// Package refusal tells of errors with which the API server refuses an object for what is in it. No value is repeated: it may be personal.
package refusal

import (
	"errors"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Is says whether the object itself was refused: sending it again cannot help. That the caller may not write it, that somebody else
// has written it, or that there is no answer, is not the object's fault.
func Is(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
}

var refuser = regexp.MustCompile(`ValidatingAdmissionPolicy '[^']{1,253}'|admission webhook "[^"]{1,253}"`)

// Explain says who or what refused it: a policy of the cluster, or the schema of fields that it names.
func Explain(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "for a reason that it did not give"
	}
	if who := refuser.FindString(status.Status().Message); who != "" {
		return "by " + who
	}
	var fields []string
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			if cause.Field != "" && cause.Field != "<nil>" { // rules that were not evaluated name none
				fields = append(fields, cause.Field)
			}
		}
	}
	if len(fields) == 0 {
		return "for the reason " + string(status.Status().Reason)
	}
	return "for its fields " + strings.Join(fields, ", ")
}

// Error is a refusal without the values that the API server repeats.
type Error struct {
	// Object is what was refused, such as "BillingEvent evt-1".
	Object string
	cause  error
}

// Hide is the error as it may be shown: itself, unless it is a refusal.
func Hide(object string, err error) error {
	if !Is(err) {
		return err
	}
	return &Error{Object: object, cause: err}
}

func (e *Error) Error() string { return "the API server refused " + e.Object + " " + Explain(e.cause) }

// Unwrap lets the kind of refusal be looked at.
func (e *Error) Unwrap() error { return e.cause }
