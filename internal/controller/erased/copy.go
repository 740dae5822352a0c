package erased

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

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
		made.Annotations = map[string]string{v1alpha1.AnnotationDismissed: personal.WithoutReason(dismissal)}
	}
	made.Status.EndedDismissal = personal.WithoutReason(e.Status.EndedDismissal)
	made.Status.ErasedAt = &now
	return made
}
