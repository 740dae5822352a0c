// Package recorder writes each verified event into the cluster exactly once.
package recorder

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// Recorder creates BillingEvents.
type Recorder struct {
	// Writer creates the objects.
	Writer client.Writer
	// Reader reads from the API server: the cache has pending events only.
	Reader client.Reader
	// Namespace is the namespace of the objects.
	Namespace string
	// Via is how the events come, for the metric of their lag.
	Via Via
}

// Via is how events come: a value of a metric's label.
type Via string

const (
	// ViaWebhook stands for events that Stripe posts.
	ViaWebhook Via = "webhook"
	// ViaBackfill stands for events that were missed, and are listed at Stripe.
	ViaBackfill Via = "backfill"
	// ViaThin stands for events that are read from Stripe because a thin event names them.
	ViaThin Via = "thin"
)

// Record ensures that exactly one BillingEvent holds the event. A nil error means that the event is durable: the API
// server has acknowledged it. recorded is true if this call created the object, and false if it existed before.
//
// If the schema rejects the event's record, Record stores the event without it, so that the event is not lost. If a policy rejects the
// event, Record returns an error: a changed policy may accept the whole event when it comes again.
func (r *Recorder) Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	recorded, err = r.create(ctx, e)
	if apirejection.OfField(err, "spec") && e.DecodeError == "" {
		recorded, err = r.create(ctx, events.WithoutRecord(e, apirejection.Explain(err)))
	}
	if recorded {
		metrics.EventsRecorded.WithLabelValues(events.Label(e.Type)).Inc()
	}
	if recorded && len(e.Warnings) > 0 {
		metrics.EventsWithWarnings.WithLabelValues(events.Label(e.Type)).Inc()
		ctrl.LoggerFrom(ctx).Info("Recorded an event with values that cannot be read; its record lacks them",
			"eventID", e.EventID, "eventType", events.Label(e.Type), "warnings", e.Warnings)
	}
	return recorded, err
}

// Known reports whether the event is recorded.
func (r *Recorder) Known(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	key := client.ObjectKey{Namespace: r.Namespace, Name: naming.Object(e.Account, e.EventID)}
	err := r.confirm(ctx, key, e)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (r *Recorder) create(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	object := &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace,
			Name:      naming.Object(e.Account, e.EventID),
			Labels:    naming.Labels(e.Type, e.CustomerID, e.SubscriptionID),
		},
		Spec: *e,
	}
	err := r.Writer.Create(ctx, object, client.DisableReadYourWritesConsistency)
	if apierrors.IsAlreadyExists(err) {
		return false, r.confirm(ctx, client.ObjectKeyFromObject(object), e)
	}
	if err != nil {
		return false, fmt.Errorf("create BillingEvent %s: %w", object.Name, apirejection.Hide("it", err))
	}
	metrics.RecordedLag.WithLabelValues(string(r.Via)).Observe(max(0, object.CreationTimestamp.Sub(e.Created.Time).Seconds()))
	return true, nil
}

// confirm returns an error unless the object holds this event: the names of two events may collide.
func (r *Recorder) confirm(ctx context.Context, key client.ObjectKey, e *v1alpha1.BillingEventSpec) error {
	var known v1alpha1.BillingEvent
	if err := r.Reader.Get(ctx, key, &known); err != nil {
		return fmt.Errorf("get BillingEvent %s: %w", key.Name, err)
	}
	if known.Spec.EventID != e.EventID || known.Spec.Account != e.Account {
		return fmt.Errorf("the name %s of event %s is taken by event %s: record it by hand", key.Name, e.EventID, known.Spec.EventID)
	}
	return nil
}
