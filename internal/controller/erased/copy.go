package erased

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// reasonErased stands in the place of the reason of a dismissal.
const reasonErased = "(the reason was erased with the customer's personal data)"

// HasPersonal reports whether the event has personal data that an erasure takes out. What a dismissal is left with is none: the
// user that dismissed a failed event, and the time.
func HasPersonal(e *v1alpha1.BillingEvent) bool {
	rest := &v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{}}, Spec: e.Spec, Status: e.Status}
	for key, value := range e.Annotations {
		if key != v1alpha1.AnnotationDismissed || withoutReason(value) != value {
			rest.Annotations[key] = value
		}
	}
	if withoutReason(rest.Status.EndedDismissal) == rest.Status.EndedDismissal {
		rest.Status.EndedDismissal = ""
	}
	return personal.Has(rest)
}

// Copy is the event without its personal data, as it is created in its place: of the annotations it has the dismissal of a
// failed event only, without its reason.
func Copy(e *v1alpha1.BillingEvent, now metav1.Time) *v1alpha1.BillingEvent {
	public := personal.Redact(e)
	made := &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: e.Namespace, Name: e.Name, Labels: naming.Labels(e.Spec.Type, e.Spec.CustomerID, e.Spec.SubscriptionID),
		},
		Spec: public.Spec, Status: public.Status,
	}
	if dismissal := e.Annotations[v1alpha1.AnnotationDismissed]; dismissal != "" && e.Status.Outcome == v1alpha1.OutcomeFailed {
		made.Annotations = map[string]string{v1alpha1.AnnotationDismissed: withoutReason(dismissal)}
	}
	made.Status.EndedDismissal = withoutReason(e.Status.EndedDismissal)
	made.Status.ErasedAt = &now
	return made
}

// withoutReason keeps of a dismissal the user and the time, as the plugin writes them; of one in another form, the user.
func withoutReason(dismissal string) string {
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
