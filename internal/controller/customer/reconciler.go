// Package customer is the controller of one customer: the one writer of the statuses of a Customer and its
// Subscriptions.
//
// It observes the pending BillingEvents about a customer, the Customer, its Subscriptions, what was read of them from
// Stripe, and what the CloudEvents sink has accepted. It folds all pending events at once and decides whether the customer
// is entitled. It writes the statuses that changed, then plans the e-mails of a sign-up, and writes the events' outcomes
// last, some seconds later: whatever stops it in between, the events are still pending, and folding them again gives the
// same result. Package pace says when each of this is due.
//
// A reconciliation goes through the files in this order: load, plan (isolate), commit (rejection), emails, outcomes.
package customer

import (
	"context"
	"time"

	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/delivered"
	"github.com/tollkeeper/tollkeeper/internal/controller/ended"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/pace"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/controller/takeover"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/packed"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// Reconciler brings one customer up to date.
type Reconciler struct {
	Client client.Client
	// Reader reads from the API server: the cache holds pending events only.
	Reader   client.Reader
	Clock    clock.PassiveClock
	Policy   entitlement.Policy
	Recorder toolsevents.EventRecorder
	// Change returns the effects of an event: events.Change, except in tests.
	Change func(*projection.Event) projection.Change
	// Schemas validates statuses before anything is written.
	Schemas *crdschema.Schemas
	// HasStripe reports whether there is a Stripe key: then a decision waits until the customer is known whole.
	HasStripe bool
	// Ended knows which customers have ended events.
	Ended ended.Set
	// GoneBefore returns from when on all events are still there: archivehead.Horizon. nil if no event is ever deleted, in tests.
	GoneBefore func(context.Context) (time.Time, error)
	// Failed caches the Failed events, indexed by routing.ByCustomer.
	Failed cache.Cache
	// Readings holds what was read from Stripe and is not written yet.
	Readings *readings.Mailbox
	// Delivered holds what the CloudEvents sink has accepted and is not written yet; nil if nothing is sent, in tests.
	Delivered *delivered.Mailbox
	// Erased holds how far erasures are that are not written yet; nil if the controller runs alone, in tests.
	Erased *erased.Mailbox
	// Products holds what is known of Stripe's products; nil if the controller runs alone, in tests.
	Products *products.Cache
	// Scope selects the events that are applied.
	Scope routing.Scope
	// Pace says when statuses and outcomes are written; nil for at once.
	Pace *pace.Pace
	// Takeover notes each customer that has been reconciled; nil if the controller runs alone, in tests.
	Takeover *takeover.Order
	// EventAttempts is how often an event that cannot be folded is tried before it ends Failed.
	EventAttempts int
	// MailMaxAge is the age up to which a sign-up is sent e-mails.
	MailMaxAge time.Duration
	// MailedAccounts are the connected accounts whose sign-ups are sent e-mails, beside the platform's own.
	MailedAccounts stripeaccount.Selection

	shown    shownLag
	written  ownWrites
	recalled recalled
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers;subscriptions,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers/status;subscriptions/status,verbs=update
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,namespace=system,resources=events,verbs=create;patch

// SetupWithManager registers the controller. A customer is reconciled when an event about it is recorded, when it or
// one of its subscriptions is written by anything else, when it was read from Stripe, when the CloudEvents sink has accepted
// its state, when its erasure advances, when an event reports one of its products, and when an event about it fails or is
// retried.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	exposeLockouts()
	if r.Products == nil {
		r.Products = products.NewCache(nil, events.Decoder{}, r.Clock, mgr.GetLogger())
	}
	if r.Delivered == nil {
		r.Delivered = delivered.NewMailbox()
	}
	if r.Erased == nil {
		r.Erased = erased.NewMailbox()
	}
	if r.Pace == nil {
		r.Pace = &pace.Pace{Clock: r.Clock}
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("customer").
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Customer{}, &handler.EnqueueRequestForObject{}, r.written.unlessEcho())).
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Subscription{}, r.Scope.ToCustomer(), r.written.unlessEcho())).
		Watches(&v1alpha1.BillingEvent{}, r.toCustomerOfPending()).
		WatchesRawSource(source.Channel(r.Readings.Wake(), &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(r.Delivered.Wake(), &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(r.Erased.Wake(), &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(r.Products.Wake(), &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Kind(r.Failed, &v1alpha1.BillingEvent{}, handler.TypedEnqueueRequestsFromMapFunc(routing.ToCustomerOfFailed))).
		WithOptions(options).
		Complete(r)
}
