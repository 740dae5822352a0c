// Package thin is the controller of the thin events, which name what changed and do not carry it.
//
// It observes pending thin events of a handled type. With a Stripe key it reads the event that reports the same change
// together with the object, or else the object, and records it as a BillingEvent of its own, as the backfill does. So the
// same change sent both ways has one effect. Then it writes the thin event's outcome. Without a key the thin event waits.
package thin

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// Source reads from Stripe: *stripeapi.Client.
type Source interface {
	Event(ctx context.Context, account, id string) (json.RawMessage, error)
	ThinEvent(ctx context.Context, path, id string) (json.RawMessage, error)
	Object(ctx context.Context, account, kind, id string) (json.RawMessage, time.Time, error)
}

// Recorder records an event once: *recorder.Recorder.
type Recorder interface {
	Known(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error)
	Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error)
}

// Reconciler reads what thin events report.
type Reconciler struct {
	Client client.Client
	Clock  clock.PassiveClock
	// Stripe is nil without a key.
	Stripe   Source
	Recorder Recorder
	Decoder  events.Decoder
	// Scope selects the events that are applied: no other one is read.
	Scope routing.Scope

	objects   objects
	isWaiting atomic.Bool
}

// IsWaitingForKey reports whether a thin event has come, and there is no Stripe key to read it with.
func (r *Reconciler) IsWaitingForKey() bool { return r.isWaiting.Load() }

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("thin").
		For(&v1alpha1.BillingEvent{}, builder.WithPredicates(routing.UnlessDeleted(r.Scope.IsThin))).
		WithOptions(options).
		Complete(r)
}
