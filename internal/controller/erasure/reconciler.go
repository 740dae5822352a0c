// Package erasure is the controller that erases the personal data of customers: on request, by an annotation of the Customer,
// or some time after Stripe has deleted the customer. The financial record stays: amounts, ids, times and outcomes.
//
// It observes Customers, and works on one at a time once Stripe has deleted it: it replaces the BillingEvents about the customer
// that have personal data by copies without it (replace.go), deletes the customer's Emails and PasswordResets, and takes the
// personal data out of the archive. It does not write the Customer: how far it is goes through the customer's controller, which
// also keeps the status free of personal data from the start on.
//
// Nothing is remembered in memory but what was noted last. After a kill the next leader looks again at what is left, also in events
// that came after an erasure (late.go).
package erasure

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/packed"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// waitInterval is the time between two looks whether what an erasure waits for has come. It is longer for e-mails, up to
// maxWaitInterval: an outcome in doubt takes --mail-settle, and Mailgun may be away for days.
const (
	waitInterval    = 2 * time.Second
	maxWaitInterval = time.Minute
)

// Never is the delay with which deleted customers are not erased by themselves.
const Never = -1

// Archive takes the personal data of a customer out of the archived events.
type Archive interface {
	// Erase may be repeated: after a crash, or when an event has come later.
	Erase(ctx context.Context, account, customerID string) error
}

// Reconciler erases one customer.
type Reconciler struct {
	Client client.Client
	// Reader reads from the API server: the cache holds pending events only.
	Reader   client.Reader
	Clock    clock.Clock
	Recorder toolsevents.EventRecorder
	Replacer *Replacer
	// Erased takes how far an erasure is.
	Erased *erased.Mailbox
	// Archive is nil if no events are archived.
	Archive Archive
	// Unreached names the archive that has events, and that the operator was started without; empty if there is none. It is asked if
	// Archive is nil, and is itself nil if the user has said that there is no archive.
	Unreached func(context.Context) (string, error)
	// HasStripe reports whether there is a Stripe key: then Stripe must have confirmed the deletion of a customer.
	HasStripe bool
	// Delay is how long after its deletion at Stripe a customer is erased by itself; Never if it is not.
	Delay time.Duration

	open open
	wake chan event.GenericEvent // Customers to look at
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents/status,verbs=update
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails;passwordresets,verbs=get;list;watch;delete

// SetupWithManager registers the controller, and what a leader does at its start: it finishes the replacements that another leader has
// begun, as their Customer may be gone, and looks for what came after an erasure.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	options.MaxConcurrentReconciles = 1 // the intents are in one ConfigMap
	r.wake = make(chan event.GenericEvent, 64)
	for what, run := range map[string]func(context.Context) error{
		"finish the erasures that were begun": r.Replacer.Finish, "look for personal data that came after an erasure": r.lookForLate,
	} {
		if err := mgr.Add(starter{what: what, run: run}); err != nil {
			return err
		}
	}
	return ctrl.NewControllerManagedBy(mgr).Named("erasure").
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Customer{}, &handler.EnqueueRequestForObject{})).
		Watches(&v1alpha1.BillingEvent{}, handler.EnqueueRequestsFromMapFunc(r.ofErased)).
		WatchesRawSource(source.Channel(r.wake, &handler.EnqueueRequestForObject{})).
		WithOptions(options).
		Complete(r)
}

// ofErased enqueues the Customer of an event with personal data that comes after the Customer was erased. The customer's
// controller notes the events that it folds; it does not see those that are recorded only.
func (r *Reconciler) ofErased(ctx context.Context, o client.Object) []reconcile.Request {
	e, isEvent := o.(*v1alpha1.BillingEvent)
	if !isEvent || e.CustomerID() == "" {
		return nil
	}
	key, c := types.NamespacedName{Namespace: e.Namespace, Name: naming.Object(e.Spec.Account, e.CustomerID())}, v1alpha1.Customer{}
	if err := r.Client.Get(ctx, key, &c); err != nil || c.Status.Erasure == nil {
		return nil
	}
	if !personal.Has(e) {
		return nil
	}
	r.open.late(key)
	return []reconcile.Request{{NamespacedName: key}}
}

// Reconcile erases the customer if that is due.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	c := &v1alpha1.Customer{}
	if err := r.Client.Get(ctx, req.NamespacedName, c); apierrors.IsNotFound(err) {
		r.open.forget(req.NamespacedName)
		return r.finishOfGone(ctx, req.Name)
	} else if err != nil || !c.DeletionTimestamp.IsZero() {
		r.open.forget(req.NamespacedName)
		return ctrl.Result{}, err
	}
	isWanted, due := r.isWanted(c)
	if !isWanted {
		r.open.forget(req.NamespacedName)
		return requeue.At(due, r.Clock.Now()), nil
	}
	isLate := r.open.takeLate(req.NamespacedName)
	if v1alpha1.IsErasureComplete(c) && !isLate {
		r.open.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	r.open.wait(req.NamespacedName)
	if !erased.IsDeleted(&c.Status, r.HasStripe) {
		return ctrl.Result{}, nil // the Customer changes when it is
	}
	isDone, waitsFor, err := r.erase(ctx, req.NamespacedName)
	if isLate && !isDone {
		r.open.staysLate(req.NamespacedName)
	}
	result := r.noteEnd(ctx, c, waitsFor, err)
	if isDone && r.Erased.Peek(req.NamespacedName) == nil { // the Customer shows it already, and does not change
		r.open.forget(req.NamespacedName)
	}
	return result, nil
}

// finishOfGone finishes the replacements that the erasure of a Customer that is gone has begun: no other erasure does.
func (r *Reconciler) finishOfGone(ctx context.Context, customer string) (ctrl.Result, error) {
	err := r.Replacer.finishBegun(ctx, func(e *v1alpha1.BillingEvent) bool {
		return e != nil && naming.Object(e.Spec.Account, e.CustomerID()) == customer
	})
	if err != nil && !isFailure(err) {
		return ctrl.Result{RequeueAfter: waitInterval}, nil
	}
	return requeue.OnWriteError(err)
}

// isWanted reports whether the customer is to be erased, or stay erased. If it is to be erased later, due says when.
func (r *Reconciler) isWanted(c *v1alpha1.Customer) (isWanted bool, due *time.Time) {
	switch {
	case v1alpha1.ErasureRequest(c) != "" || c.Status.Erasure != nil:
		return true, nil
	case r.Delay < 0 || !erased.IsDeleted(&c.Status, r.HasStripe):
		return false, nil
	}
	at := c.Status.DeletedAt.Add(r.Delay)
	if at.After(r.Clock.Now()) {
		return false, &at
	}
	return true, nil
}

// noteEnd says when to go on, and reports an erasure that fails.
func (r *Reconciler) noteEnd(ctx context.Context, c *v1alpha1.Customer, waitsFor v1alpha1.ErasureWait, err error) ctrl.Result {
	key := client.ObjectKeyFromObject(c)
	if err != nil && errors.Is(err, errNotYet) && !isFailure(err) {
		waitsFor, err = v1alpha1.WaitsForEvents, nil
	}
	if waitsFor != v1alpha1.WaitsForNothing {
		r.noteWait(ctx, c, waitsFor)
	}
	if result, other := requeue.OnWriteError(err); other == nil {
		r.open.attempted(key, false)
		if waitsFor != v1alpha1.WaitsForNothing {
			result = ctrl.Result{RequeueAfter: r.waitFor(c, waitsFor)}
		}
		return result
	}
	if !r.open.attempted(key, true) {
		r.Recorder.Eventf(c, nil, corev1.EventTypeWarning, "ErasureFails", "Erase", "The erasure fails, and is tried again. The operator's log says why.")
	}
	ctrl.LoggerFrom(ctx).Error(err, "Failed to erase a customer's personal data, will retry", "customerID", c.Spec.CustomerID)
	return requeue.WithBackoff()
}

// waitFor is the time until the next look: for e-mails a tenth of the time since the erasure began. For example, after five
// minutes every 30 s.
func (r *Reconciler) waitFor(c *v1alpha1.Customer, waitsFor v1alpha1.ErasureWait) time.Duration {
	if waitsFor != v1alpha1.WaitsForEmails || c.Status.Erasure == nil {
		return waitInterval
	}
	return min(max(r.Clock.Since(c.Status.Erasure.StartedAt.Time)/10, waitInterval), maxWaitInterval)
}

// noteWait has the Customer show what its erasure waits for.
func (r *Reconciler) noteWait(ctx context.Context, c *v1alpha1.Customer, waitsFor v1alpha1.ErasureWait) {
	if c.Status.Erasure == nil || c.Status.Erasure.WaitsFor == waitsFor || c.Status.Erasure.CompletedAt != nil {
		return
	}
	erasure := c.Status.Erasure.DeepCopy()
	erasure.WaitsFor = waitsFor
	r.Erased.Put(ctx, c, erasure)
}

// starter does something once, at the start.
type starter struct {
	what string
	run  func(context.Context) error
}

// NeedLeaderElection makes the manager run it on the leader only.
func (starter) NeedLeaderElection() bool { return true }

// Start repeats that until it has succeeded, or until ctx ends.
func (s starter) Start(ctx context.Context) error {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := s.run(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, errNotYet) {
			ctrl.LoggerFrom(ctx).Error(err, "Failed to "+s.what+", will retry", "after", pause.String())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}
