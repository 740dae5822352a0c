package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// settle writes what became of an event. It leaves the cache of pending events with that. An event that is gone needs no
// outcome; one that has changed since it was read is looked at again.
func settle(ctx context.Context, c client.Client, now clock.PassiveClock, event *v1alpha1.BillingEvent, outcome v1alpha1.Outcome, message string) error {
	event = event.DeepCopy()
	at := metav1.NewTime(now.Now().UTC())
	event.Status.Outcome = outcome
	event.Status.Message = message
	event.Status.ProcessedAt = &at
	event.Status.Attempts++
	processed := metav1.Condition{
		Type:               v1alpha1.ConditionProcessed,
		Status:             metav1.ConditionTrue,
		Reason:             string(outcome),
		Message:            message,
		ObservedGeneration: event.Generation,
		LastTransitionTime: at,
	}
	if outcome == v1alpha1.OutcomeFailed {
		processed.Status = metav1.ConditionFalse
	}
	meta.SetStatusCondition(&event.Status.Conditions, processed)
	if err := c.Status().Update(ctx, event, client.DisableReadYourWritesConsistency); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write outcome of BillingEvent %s: %w", event.Name, err))
	}
	metrics.EventOutcomes.WithLabelValues(events.Label(event.Spec.Type), string(outcome)).Inc()
	metrics.EventLag.Observe(at.Sub(event.Spec.Created.Time).Seconds())
	return nil
}
