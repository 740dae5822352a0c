package thin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/outcome"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// What becomes of a thin event, as a metric label.
const (
	readEvent   = "event"
	wasKnown    = "known" // and not read
	readObject  = "object"
	notRead     = "not_read" // there is nothing to read
	notFound    = "not_found"
	notReadable = "not_readable"
)

// eventsKept is how long Stripe keeps events.
const eventsKept = 30 * 24 * time.Hour

const (
	keyMissing = "This event names what has changed and does not carry it, so it is read from Stripe's API. It waits until " +
		"STRIPE_SECRET_KEY is set. Stripe keeps events for 30 days."
	refused = "Stripe refuses to the API key what this event reports. It waits until the key may read it: check STRIPE_SECRET_KEY, " +
		"and give a restricted key the permission to read events, and what they are about."
	notAccepted = "Stripe does not accept the request for what this event reports, as with an API version that it does not know " +
		"(--stripe-api-version). The operator's log has Stripe's answer. The request is made again."
	unknown = "Stripe does not know this event: it is of another account or mode than the API key, or Stripe has not sent it. Set " +
		"STRIPE_SECRET_KEY to a key of the account, and retry the event (" + v1alpha1.AnnotationRetry + "). Or someone knows the " +
		"endpoint's secret: roll it in Stripe."
	forgotten = "Stripe keeps events for 30 days, and this one is older. Comparisons with Stripe bring the state of its object."
)

// result is what a thin event led to.
type result struct {
	label   string // for the metric
	outcome v1alpha1.Outcome
	message string
	reason  v1alpha1.RecordedReason // empty if no other configuration would read it
}

// Reconcile reads what one thin event reports, records it, and ends the thin event.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	if err := r.Client.Get(ctx, req.NamespacedName, &e, client.DisableReadYourWritesConsistency); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	writer := outcome.Writer{Client: r.Client, Clock: r.Clock}
	switch {
	case !r.Scope.IsThin(&e):
		return ctrl.Result{}, nil
	case r.Stripe == nil && r.isForgotten(&e.Spec): // else the backlog, and with it the memory, grows without end
		metrics.ThinEvents.WithLabelValues(notFound).Inc()
		return requeue.OnWriteError(writer.End(ctx, &e, v1alpha1.OutcomeRecorded, forgotten))
	case r.Stripe == nil: // the next process may have a key
		return r.waitForKey(ctx, &e, writer)
	}
	done, err := r.read(ctx, &e.Spec)
	_, isInvalid := errors.AsType[*stripeapi.InvalidError](err)
	switch {
	case errors.Is(err, stripeapi.ErrRefused):
		if noteErr := writer.Note(ctx, &e, v1alpha1.ReasonStripeRefuses, refused); noteErr != nil {
			return requeue.OnWriteError(noteErr)
		}
		return requeue.OnStripeError(err)
	case isInvalid:
		if noteErr := writer.Note(ctx, &e, v1alpha1.ReasonStripeRefuses, notAccepted); noteErr != nil {
			return requeue.OnWriteError(noteErr)
		}
		return ctrl.Result{}, err
	case apirejection.Is(err): // the API server refuses the event that was read
		if noteErr := writer.NoteRejected(ctx, &e, err.Error()); noteErr != nil {
			return requeue.OnWriteError(noteErr)
		}
		return ctrl.Result{}, err
	case err != nil:
		return requeue.OnStripeError(err)
	}
	e.Status.Reason = done.reason
	if err := writer.End(ctx, &e, done.outcome, done.message); err != nil {
		return requeue.OnWriteError(err)
	}
	metrics.ThinEvents.WithLabelValues(done.label).Inc()
	return ctrl.Result{}, nil
}

// waitForKey notes that the event waits, and comes back when Stripe has forgotten it.
func (r *Reconciler) waitForKey(ctx context.Context, e *v1alpha1.BillingEvent, writer outcome.Writer) (ctrl.Result, error) {
	if !r.isWaiting.Swap(true) {
		ctrl.LoggerFrom(ctx).Info("Thin events wait until Stripe's API key is set", "variable", "STRIPE_SECRET_KEY")
	}
	if err := writer.Note(ctx, e, v1alpha1.ReasonStripeKeyMissing, keyMissing); err != nil {
		return requeue.OnWriteError(err)
	}
	return ctrl.Result{RequeueAfter: eventsKept - r.Clock.Since(e.Spec.Created.Time) + time.Second}, nil
}

// isForgotten reports whether Stripe does not keep the event any more.
func (r *Reconciler) isForgotten(e *v1alpha1.BillingEventSpec) bool {
	return r.Clock.Since(e.Created.Time) > eventsKept
}

// read records what the thin event reports, as an event of its account.
func (r *Reconciler) read(ctx context.Context, e *v1alpha1.BillingEventSpec) (result, error) {
	missing := stripeapi.ErrNotFound
	for _, as := range r.accounts(e) {
		done, err := r.readAs(ctx, e, as)
		if !errors.Is(err, stripeapi.ErrNotFound) {
			return r.resultOf(e, done, err)
		}
		missing = err
	}
	if _, isGone := errors.AsType[objectGone](missing); !isGone && !r.Scope.Accounts.Includes(e.Account) {
		return result{label: notRead, outcome: v1alpha1.OutcomeRecorded, reason: v1alpha1.RecordedOtherAccount, message: fmt.Sprintf(
			"This is an event of the connected account %s, which is not let in (--accounts). Once it is, the event is applied.", e.Account)}, nil
	}
	return r.resultOf(e, result{}, missing)
}

// account is as whose event a thin event is read. The platform's own account has no id.
type account struct{ id, path string }

// accounts lists as whose event the thin event may be read. An account that --accounts does not name may be the platform's
// own: Stripe has the event there, or it has not.
func (r *Reconciler) accounts(e *v1alpha1.BillingEventSpec) []account {
	own, connected := account{}, account{id: e.Account, path: e.Context}
	switch {
	case e.Account == "":
		return []account{own}
	case slices.Contains(r.Scope.Accounts, e.Account):
		return []account{connected}
	case r.Scope.Accounts.Includes(e.Account):
		return []account{own, connected}
	default:
		return []account{own}
	}
}

// readAs records what the thin event of the account reports. What it believes about the event comes from Stripe, and not from
// the delivery: a forged event can do no more than have Stripe's own event recorded.
func (r *Reconciler) readAs(ctx context.Context, e *v1alpha1.BillingEventSpec, as account) (result, error) {
	thin := e.DeepCopy()
	if e.Thin.SnapshotEventID == "" {
		var err error
		if thin, err = r.readThin(ctx, e.EventID, as.path); err != nil {
			return result{}, err
		}
	}
	thin.Account, thin.Context = as.id, e.Context
	name, handled := events.SnapshotType(thin)
	switch {
	case thin.Thin.SnapshotEventID != "":
		return r.recordSnapshot(ctx, thin)
	case !handled:
		return result{label: notRead, outcome: v1alpha1.OutcomeRecorded, message: "Stripe has an event of another type under this id, which is kept for the audit trail only."}, nil
	case !stripeapi.IsReadable(thin.ObjectKind) || thin.ObjectID == "":
		return result{label: notRead, outcome: v1alpha1.OutcomeRecorded, message: fmt.Sprintf(
			"Stripe names no event that carries the %q, which cannot be read by its id.", thin.ObjectKind)}, nil
	default:
		return r.recordObject(ctx, thin, name)
	}
}

// readThin reads the thin event itself, which may name its snapshot event.
func (r *Reconciler) readThin(ctx context.Context, id, path string) (*v1alpha1.BillingEventSpec, error) {
	raw, err := r.Stripe.ThinEvent(ctx, path, id)
	if err != nil {
		return nil, err
	}
	thin, err := r.Decoder.Decode(raw)
	switch {
	case err != nil:
		return nil, unusable{err}
	case thin.EventID != id || thin.Thin == nil:
		return nil, unusable{fmt.Errorf("stripe returned the event %s when it was asked for the thin event %s", thin.EventID, id)}
	}
	return thin, nil
}

// recordSnapshot records the event that reports the same change together with the object. It is recorded once, whichever
// way it comes first, and not read if it has come.
func (r *Reconciler) recordSnapshot(ctx context.Context, thin *v1alpha1.BillingEventSpec) (result, error) {
	id := thin.Thin.SnapshotEventID
	if done, isKnown, err := r.knownAs(ctx, thin, id); isKnown || err != nil {
		return done, err
	}
	raw, err := r.Stripe.Event(ctx, thin.Account, id)
	if err != nil {
		return result{}, err
	}
	snapshot, err := r.Decoder.Decode(raw)
	switch {
	case err != nil:
		return result{}, unusable{err}
	case snapshot.EventID != id || snapshot.Thin != nil:
		return result{}, unusable{fmt.Errorf("stripe returned the event %s when it was asked for the snapshot event %s", snapshot.EventID, id)}
	case snapshot.Account == "":
		snapshot.Account = thin.Account // as the backfill does: Stripe answers a connected account without it
	}
	if _, err := r.Recorder.Record(ctx, snapshot); err != nil {
		return result{}, err
	}
	return result{label: readEvent, outcome: v1alpha1.OutcomeRecorded, message: fmt.Sprintf("The event %s (%s) reports this change, and is recorded.", id, snapshot.Type)}, nil
}

// recordObject records an event of the type, with the object as Stripe has it now.
func (r *Reconciler) recordObject(ctx context.Context, thin *v1alpha1.BillingEventSpec, name string) (result, error) {
	if done, isKnown, err := r.knownAs(ctx, thin, events.AnnouncedID(thin.EventID)); isKnown || err != nil {
		return done, err
	}
	raw, err := r.objects.read(ctx, r.Stripe, thin)
	if errors.Is(err, stripeapi.ErrNotFound) {
		return result{}, objectGone{err, fmt.Sprintf("Stripe does not have the %s %s any more.", thin.ObjectKind, thin.ObjectID)}
	}
	if err != nil {
		return result{}, err
	}
	announced, err := r.Decoder.Announce(thin, name, raw)
	switch {
	case events.IsDeletedSince(err):
		return result{label: readObject, outcome: v1alpha1.OutcomeRecorded, message: fmt.Sprintf("Stripe has deleted the %s %s since.", thin.ObjectKind, thin.ObjectID)}, nil
	case err != nil:
		return result{}, unusable{err}
	}
	if _, err := r.Recorder.Record(ctx, announced); err != nil {
		return result{}, err
	}
	return result{label: readObject, outcome: v1alpha1.OutcomeRecorded, message: fmt.Sprintf(
		"The %s %s was read from Stripe, and is recorded as the event %s (%s).", thin.ObjectKind, thin.ObjectID, announced.EventID, name)}, nil
}

// knownAs reports whether the event with the id is recorded, and what the thin event led to then.
func (r *Reconciler) knownAs(ctx context.Context, thin *v1alpha1.BillingEventSpec, id string) (done result, isKnown bool, err error) {
	isKnown, err = r.Recorder.Known(ctx, &v1alpha1.BillingEventSpec{EventID: id, Account: thin.Account})
	if err != nil || !isKnown {
		return result{}, false, err
	}
	return result{label: wasKnown, outcome: v1alpha1.OutcomeRecorded, message: fmt.Sprintf("The event %s reports this change, and was recorded before.", id)}, true, nil
}

// unusable is an answer of Stripe that cannot be used. Asking again brings the same one.
type unusable struct{ error }

// objectGone is an ErrNotFound of an object whose event Stripe knows.
type objectGone struct {
	error
	message string
}

// Unwrap returns the ErrNotFound.
func (g objectGone) Unwrap() error { return g.error }

// resultOf is the result, or what an error leads to that trying again does not change.
func (r *Reconciler) resultOf(e *v1alpha1.BillingEventSpec, done result, err error) (result, error) {
	bad, isUnusable := errors.AsType[unusable](err)
	gone, isGone := errors.AsType[objectGone](err)
	switch {
	case isUnusable:
		return result{label: notReadable, outcome: v1alpha1.OutcomeFailed, message: "What Stripe's API returned cannot be read: " + bad.Error()}, nil
	case isGone:
		return result{label: notFound, outcome: v1alpha1.OutcomeRecorded, message: gone.message}, nil
	case errors.Is(err, stripeapi.ErrNotFound) && r.isForgotten(e):
		return result{label: notFound, outcome: v1alpha1.OutcomeRecorded, message: forgotten}, nil
	case errors.Is(err, stripeapi.ErrNotFound):
		return result{label: notFound, outcome: v1alpha1.OutcomeFailed, message: unknown}, nil
	default:
		return done, err
	}
}
