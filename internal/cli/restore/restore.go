// Package restore brings archived events back into the cluster.
package restore

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// Result counts what became of the events.
type Result struct {
	Created int `json:"created"`
	// There is how many the cluster has already.
	There int `json:"alreadyThere"`
}

// Apply creates the events in the namespace. The status stays in the archive: to the operator, the events are pending again. It
// folds them, and reaches what it reached before. An event that is there already stays as it is.
func Apply(ctx context.Context, c client.Client, namespace string, events []v1alpha1.BillingEvent) (Result, error) {
	var result Result
	for i := range events {
		switch err := c.Create(ctx, fresh(&events[i], namespace)); {
		case err == nil:
			result.Created++
		case apierrors.IsAlreadyExists(err):
			result.There++
		default:
			return result, fmt.Errorf("create %s: %w", events[i].Spec.EventID, err)
		}
	}
	return result, nil
}

// fresh is the event as it is created. The policy lets new events have no annotations, and no other labels than those of the spec: a
// dismissal is about a failure that this object has not had, and a retry is not asked for. Content that was read from Stripe again is in
// the status, which stays in the archive: it takes the place of the spec, because Stripe may not have the event any more.
func fresh(e *v1alpha1.BillingEvent, namespace string) *v1alpha1.BillingEvent {
	spec := *e.Content().DeepCopy()
	return &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: e.Name, Labels: naming.Labels(spec.Type, spec.CustomerID, spec.SubscriptionID)},
		Spec:       spec,
	}
}
