// Package apirejection explains the API server's rejections of an object's content, without values: they may be personal.
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

// Is reports whether the API server rejected the object for its content, so that sending it again cannot help. Missing
// permissions, conflicts and failed connections are no rejections. A policy or webhook may answer with any code: Is
// recognises it by its name in the message.
func Is(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) || deniedBy(err) != ""
}

// OfField reports whether the schema rejected the field at the path, or a field below it.
func OfField(err error, path string) bool {
	return slices.ContainsFunc(invalidFields(err), func(field string) bool { return field == path || strings.HasPrefix(field, path+".") })
}

// Error is a rejection without the values that the API server repeats.
type Error struct {
	// Object is the rejected object, such as "BillingEvent evt-1".
	Object string
	cause  error
}

// Hide returns err without values if it is a rejection; else it returns err unchanged.
func Hide(object string, err error) error {
	if !Is(err) {
		return err
	}
	return &Error{Object: object, cause: err}
}

func (e *Error) Error() string { return "the API server refused " + e.Object + " " + Explain(e.cause) }

// Unwrap gives access to the kind of rejection.
func (e *Error) Unwrap() error { return e.cause }

// maxFields is how many invalid fields an explanation names.
const maxFields = 8

// Explain returns the cause of a rejection, as the end of a sentence: the policy or webhook, the invalid fields, or the
// reason that the API server gave.
func Explain(err error) string {
	if name := deniedBy(err); name != "" {
		return "because " + name + " denied it"
	}
	invalid := invalidFields(err)
	switch left := len(invalid) - maxFields; {
	case left > 0:
		return fmt.Sprintf("because these fields are invalid: %s and %d more", strings.Join(invalid[:maxFields], ", "), left)
	case len(invalid) > 0:
		return "because these fields are invalid: " + strings.Join(invalid, ", ")
	default:
		return "with the reason " + cmp.Or(string(apierrors.ReasonForError(err)), "Unknown")
	}
}

// denier matches in the message of a denial, but not in the message about a webhook that cannot be called.
var denier = regexp.MustCompile(`ValidatingAdmissionPolicy '[^']{1,253}'|admission webhook "[^"]{1,253}"`)

// deniedBy returns the policy or webhook that denied the object; empty if none did.
func deniedBy(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return ""
	}
	return denier.FindString(status.Status().Message)
}

// invalidFields returns the paths of the fields that the schema rejected.
func invalidFields(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var paths []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" && cause.Field != "<nil>" { // rules that were not evaluated name no field
			paths = append(paths, cause.Field)
		}
	}
	return paths
}
