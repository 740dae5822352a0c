package controller

import (
	"context"
	"fmt"
	"time"

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
	event.Status.ProcessedAt = &at
	event.Status.RetryAt = nil
	if err := attempted(ctx, c, event, at, string(outcome), message, outcome != v1alpha1.OutcomeFailed); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write outcome of BillingEvent %s: %w", event.Name, err))
	}
	metrics.EventOutcomes.WithLabelValues(events.Label(event.Spec.Type), string(outcome)).Inc()
	metrics.EventLag.Observe(at.Sub(event.Spec.Created.Time).Seconds())
	return nil
}

// postpone writes that an event could not be handled now, and when it is tried again. It stays pending.
func postpone(
	ctx context.Context, c client.Client, now clock.PassiveClock, event *v1alpha1.BillingEvent, wait time.Duration, message string,
) (until *metav1.Time, err error) {
	event = event.DeepCopy()
	at := metav1.NewTime(now.Now().UTC())
	event.Status.RetryAt = &metav1.Time{Time: at.Add(wait)}
	if err := attempted(ctx, c, event, at, v1alpha1.ReasonAttemptFailed, message, false); err != nil {
		return nil, client.IgnoreNotFound(fmt.Errorf("write status of BillingEvent %s: %w", event.Name, err))
	}
	metrics.EventAttemptsFailed.WithLabelValues(events.Label(event.Spec.Type)).Inc()
	return event.Status.RetryAt, nil
}

// maxMessage is how much of a message a status has room for, in characters.
const maxMessage = 1024

// attempted counts an attempt and says how it went.
func attempted(
	ctx context.Context, c client.Client, event *v1alpha1.BillingEvent, at metav1.Time, reason, message string, processed bool,
) error {
	message = cut(message, maxMessage)
	event.Status.Attempts++
	event.Status.Message = message
	setCondition(&event.Status.Conditions, event.Generation, at.Time, v1alpha1.ConditionProcessed, processed, reason, message)
	return c.Status().Update(ctx, event, client.DisableReadYourWritesConsistency)
}
