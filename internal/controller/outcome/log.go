package outcome

import (
	"cmp"
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// log writes the one line about an event that has ended. Stripe gives the time of an event in whole seconds, so up to
// 999 of createdToShownMs may be its.
func (w Writer) log(ctx context.Context, event *v1alpha1.BillingEvent) {
	shownAt := cmp.Or(w.ShownAt, event.Status.ProcessedAt.Time)
	values := []any{
		"eventID", event.Spec.EventID, "eventType", event.Spec.Type, "outcome", event.Status.Outcome,
		"createdToShownMs", shownAt.Sub(event.Spec.Created.Time).Milliseconds(),
	}
	if customerID := cmp.Or(event.Spec.CustomerID, event.Status.CustomerID); customerID != "" {
		values = append(values, "customerID", customerID)
	}
	if event.Spec.Account != "" {
		values = append(values, "account", event.Spec.Account)
	}
	if event.Status.Message != "" {
		values = append(values, "message", event.Status.Message)
	}
	ctrl.LoggerFrom(ctx).Info("Handled an event", values...)
}
