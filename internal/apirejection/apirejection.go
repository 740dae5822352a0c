// Package refusal tells of errors with which the API server refuses an object for what is in it. No value is repeated: it may be personal.
package apirejection

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Is says whether the object itself was refused: sending it again cannot help. That the caller may not write it, that somebody else
// has written it, or that there is no answer, is not the object's fault. A policy or a webhook may refuse with any code: it is known by
// its name.
func Is(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) || refuserOf(err) != ""
}

// OfField says whether the schema refused the field of the path, or one below: whatever else it is sent with, it will be refused again.
func OfField(err error, path string) bool {
	return slices.ContainsFunc(fields(err), func(field string) bool { return field == path || strings.HasPrefix(field, path+".") })
}

// maxFields are named.
const maxFields = 8

// refuser is in what the API server says of a refusal, and not in what it says of a webhook that it cannot call.
var refuser = regexp.MustCompile(`ValidatingAdmissionPolicy '[^']{1,253}'|admission webhook "[^"]{1,253}"`)

// Explain says who or what refused it: a policy of the cluster, or the schema of fields that it names.
func Explain(err error) string {
	if who := refuserOf(err); who != "" {
		return "by " + who
	}
	refused := fields(err)
	switch left := len(refused) - maxFields; {
	case left > 0:
		return fmt.Sprintf("for its fields %s and %d more", strings.Join(refused[:maxFields], ", "), left)
	case len(refused) > 0:
		return "for its fields " + strings.Join(refused, ", ")
	default:
		return "for the reason " + cmp.Or(string(apierrors.ReasonForError(err)), "that it did not give")
	}
}

// refuserOf is the policy or webhook that refused; empty if none did.
func refuserOf(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return ""
	}
	return refuser.FindString(status.Status().Message)
}

// fields are those that the schema refused.
func fields(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var names []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" && cause.Field != "<nil>" { // rules that were not evaluated name none
			names = append(names, cause.Field)
		}
	}
	return names
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
