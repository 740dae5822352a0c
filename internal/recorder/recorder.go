// Package recorder writes a verified event into the cluster, once.
package recorder

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// Recorder creates BillingEvents.
type Recorder struct {
	// Writer creates them.
	Writer client.Writer
	// Reader reads from the API server itself: the cache holds pending events only.
	Reader client.Reader
	// Namespace they go to.
	Namespace string
}

// Record makes sure that exactly one BillingEvent holds the event. When it returns nil the event is durable: the API server has
// acknowledged it, now or before. recorded says that it was now.
//
// An event whose record the schema refuses is recorded without it, so that it is not lost. What a policy of the cluster refuses may be
// let in later, whole: that is an error, and the sender sends it again.
func (r *Recorder) Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	recorded, err = r.create(ctx, e)
	if apirejection.OfField(err, "spec") && e.DecodeError == "" {
		recorded, err = r.create(ctx, events.WithoutRecord(e, apirejection.Explain(err)))
	}
	if recorded {
		metrics.EventsRecorded.WithLabelValues(events.Label(e.Type)).Inc()
	}
	return recorded, err
}

// Known says whether the event is recorded.
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
	return true, nil
}

// confirm makes sure that the object of that name holds this very event, and not one whose name came out the same.
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
