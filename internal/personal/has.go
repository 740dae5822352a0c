package personal

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// reasonErased stands in the place of the reason of a dismissal.
const reasonErased = "(the reason was erased with the customer's personal data)"

// Has reports whether the event has personal data that an erasure takes out: in what it reports, what became of it, and its
// annotations. What a dismissal is left with is none: the user that dismissed a failed event, and the time.
func Has(e *v1alpha1.BillingEvent) bool {
	rest := &v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{}}, Spec: e.Spec, Status: e.Status}
	for key, value := range e.Annotations {
		if key != v1alpha1.AnnotationDismissed || WithoutReason(value) != value {
			rest.Annotations[key] = value
		}
	}
	if WithoutReason(rest.Status.EndedDismissal) == rest.Status.EndedDismissal {
		rest.Status.EndedDismissal = ""
	}
	_, patch := Split(rest)
	return patch != nil
}

// WithoutReason keeps of a dismissal the user and the time, as the plugin writes them; of one in another form, the user.
func WithoutReason(dismissal string) string {
	if dismissal == "" {
		return ""
	}
	user, rest, isNamed := strings.Cut(dismissal, ": ")
	if !isNamed {
		return "unknown: " + reasonErased
	}
	if at, _, _ := strings.Cut(rest, " "); isTime(at) {
		return user + ": " + at + " " + reasonErased
	}
	return user + ": " + reasonErased
}

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}
