// Package outcome writes what became of an event into its BillingEvent's status.
package outcome

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// maxMessage is how many characters of a message a status has room for.
const maxMessage = 1024

// Writer writes outcomes. It changes no event that it is given.
//
// An event that is gone needs no outcome: that is no error. An event that has changed since it was read is: a conflict.
type Writer struct {
	Client client.Client
	Clock  clock.PassiveClock
	// ShownAt is when the statuses that the event changes were written, for the log; the zero time stands for now.
	ShownAt time.Time
}

// End writes the outcome of an event: it leaves the cache of pending events. If it fails, a dismissal of an earlier failure has ended.
func (w Writer) End(ctx context.Context, event *v1alpha1.BillingEvent, outcome v1alpha1.Outcome, message string) error {
	event, now := event.DeepCopy(), metav1.NewTime(w.Clock.Now().UTC())
	event.Status.Outcome = outcome
	event.Status.ProcessedAt = &now
	event.Status.RetryAt = nil
	event.Status.Attempts++
	event.Status.EndedDismissal = ""
	if outcome == v1alpha1.OutcomeFailed {
		event.Status.EndedDismissal = event.Dismissal()
	}
	if err := w.write(ctx, event, outcome != v1alpha1.OutcomeFailed, string(outcome), message); err != nil {
		return err
	}
	metrics.EventOutcomes.WithLabelValues(events.Label(event.Spec.Type), string(outcome)).Inc()
	metrics.EventLag.Observe(now.Sub(event.Spec.Created.Time).Seconds())
	w.log(ctx, event)
	return nil
}

// Postpone notes a failed attempt. The event stays pending and is tried again after the delay. Postpone returns the
// time of that retry.
func (w Writer) Postpone(ctx context.Context, event *v1alpha1.BillingEvent, delay time.Duration, message string) (time.Time, error) {
	event = event.DeepCopy()
	retryAt := w.Clock.Now().UTC().Add(delay)
	event.Status.RetryAt = &metav1.Time{Time: retryAt}
	event.Status.Attempts++
	if err := w.write(ctx, event, false, v1alpha1.ReasonAttemptFailed, message); err != nil {
		return retryAt, err
	}
	metrics.EventAttemptsFailed.WithLabelValues(events.Label(event.Spec.Type)).Inc()
	return retryAt, nil
}

// NoteRejected notes that the API server refuses to write what the event changes. That is no attempt. It writes nothing
// if the event's status says so already.
func (w Writer) NoteRejected(ctx context.Context, event *v1alpha1.BillingEvent, message string) error {
	return w.Note(ctx, event, v1alpha1.ReasonWriteRejected, message)
}

// Note notes why the event waits: a reason of Processed=False. That is no attempt. It writes nothing if the event's status
// says so already.
func (w Writer) Note(ctx context.Context, event *v1alpha1.BillingEvent, reason, message string) error {
	if event.Status.Message == truncate(message) {
		return nil
	}
	return w.write(ctx, event.DeepCopy(), false, reason, message)
}

// Reopen makes an ended event pending again, with all its attempts ahead. refetched is the event as it was read from Stripe
// again; nil if its spec can be applied, or what was read before. request is the value of the request to retry it; empty if
// nobody asked.
func (w Writer) Reopen(ctx context.Context, event *v1alpha1.BillingEvent, refetched *v1alpha1.BillingEventSpec, request string) error {
	event = event.DeepCopy()
	before := event.Status
	event.Status = v1alpha1.BillingEventStatus{
		CustomerID: before.CustomerID, Refetched: before.Refetched, Retried: before.Retried, ErasedAt: before.ErasedAt,
	}
	if request != "" {
		event.Status.Retried = request
	}
	if refetched != nil {
		event.Status.Refetched = refetched
		if event.Spec.CustomerID == "" && refetched.CustomerID != "" {
			event.Status.CustomerID = refetched.CustomerID
		}
	}
	if err := w.Client.Status().Update(ctx, event, client.DisableReadYourWritesConsistency); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("make BillingEvent %s pending again: %w", event.Name, apirejection.Hide("it", err)))
	}
	return nil
}

// RefuseRetry answers a request to retry an event that cannot be retried. Its outcome stays, and a dismissal ends: whoever
// asked for the retry reads the answer.
func (w Writer) RefuseRetry(ctx context.Context, event *v1alpha1.BillingEvent, request, message string) error {
	event = event.DeepCopy()
	event.Status.Retried, event.Status.EndedDismissal = request, event.Dismissal()
	return w.write(ctx, event, event.Status.Outcome != v1alpha1.OutcomeFailed, string(event.Status.Outcome), message)
}

func (w Writer) write(ctx context.Context, event *v1alpha1.BillingEvent, processed bool, reason, message string) error {
	event.Status.Message = truncate(message)
	condition.Setter{Conditions: &event.Status.Conditions, Generation: event.Generation, Now: w.Clock.Now().UTC()}.
		Set(v1alpha1.ConditionProcessed, condition.Of(processed), reason, event.Status.Message)
	if err := w.Client.Status().Update(ctx, onlyStatus(event), client.DisableReadYourWritesConsistency); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write outcome of BillingEvent %s: %w", event.Name, err))
	}
	return nil
}

// onlyStatus is the event without what the API server leaves as it is when a status is written. The rest of an event is
// most of it: that need not be sent, read and checked again.
func onlyStatus(event *v1alpha1.BillingEvent) *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: event.Namespace, Name: event.Name, UID: event.UID, ResourceVersion: event.ResourceVersion,
		},
		Status: event.Status,
	}
}

func truncate(message string) string {
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage])
	}
	return message
}
