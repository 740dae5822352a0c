// Package notify is the controller that notifies an application of its customers' entitlement: it posts their states to
// the CloudEvents sink.
//
// It observes Customers, and writes nothing. It compares the state that a tenant acts on with the one that the sink has
// accepted (status.notified), and sends the present state if it is newer. What the sink has accepted goes through the
// customer's controller, which notes it. If the process stops in between, the state is still pending: the next leader
// sends it again, with the same id.
//
// For example, the sink is away while a customer turns False and then True again. No notification says False: the sink gets
// the present state once it is back.
package notify

import (
	"context"
	"errors"
	"strconv"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/delivered"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/notice"
	"github.com/tollkeeper/tollkeeper/internal/packed"
	"github.com/tollkeeper/tollkeeper/internal/sink"
)

// Sink accepts CloudEvents.
type Sink interface {
	// Send posts one. Its error is a *sink.RefusedError or a *sink.UnavailableError.
	Send(ctx context.Context, id string, event []byte) error
}

// Options are what a Reconciler needs.
type Options struct {
	// Client reads Customers from the cache.
	Client client.Reader
	// Reader reads a Customer from the API server before its state is sent: the cache may be behind what another leader
	// has sent, and an older state must not follow a newer one.
	Reader client.Reader
	Sink   Sink
	// SinkID identifies the sink in status.notified.
	SinkID string
	// Delivered takes what the sink has accepted.
	Delivered *delivered.Mailbox
	Clock     clock.PassiveClock
	// Limit bounds the rate of notifications.
	Limit   *rate.Limiter
	Backoff Backoff
}

// Reconciler notifies the sink of one customer's state.
type Reconciler struct {
	Options
	attempts attempts
	// logged bounds the log lines about notifications that are not accepted.
	logged  rate.Sometimes
	started time.Time
}

// New makes a Reconciler.
func New(o Options) *Reconciler {
	return &Reconciler{
		Options: o, attempts: attempts{Backoff: o.Backoff, failed: map[types.NamespacedName]attempt{}},
		logged: rate.Sometimes{First: 1, Interval: time.Minute}, started: o.Clock.Now(),
	}
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers,verbs=get;list;watch

// SetupWithManager registers the controller. At the start the Customers that changed meanwhile wait behind those that
// change now: the queue gives what the first listing holds a low priority.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("notify").
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Customer{}, &handler.EnqueueRequestForObject{})).
		WithOptions(options).Complete(r)
}

// Reconcile sends the customer's state unless the sink has accepted it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	customer := &v1alpha1.Customer{}
	err := r.Client.Get(ctx, req.NamespacedName, customer)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if err != nil || !r.isPending(customer) {
		r.attempts.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if wait := r.attempts.wait(req.NamespacedName, notice.ChangedAt(customer), r.Clock.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if err := r.Limit.Wait(ctx); err != nil {
		return ctrl.Result{}, nil //nolint:nilerr // the process stops
	}
	current := &v1alpha1.Customer{}
	if err := r.Reader.Get(ctx, req.NamespacedName, current); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.isPending(current) {
		return ctrl.Result{}, nil
	}
	return r.send(ctx, current)
}

// isPending reports whether the sink has not accepted the customer's present state, as far as is known. Nothing is sent
// about a customer that is being deleted.
func (r *Reconciler) isPending(c *v1alpha1.Customer) bool {
	return r.isUnsent(c) && !r.isAccepted(c, notice.ChangedAt(c))
}

// isUnsent reports whether the Customer does not show that the sink has accepted its present state.
func (r *Reconciler) isUnsent(c *v1alpha1.Customer) bool {
	return c.DeletionTimestamp.IsZero() && notice.IsPending(c, r.SinkID)
}

// isAccepted reports whether the sink has accepted the customer's state of a time, which is not written yet. The customer's name
// and UID are enough.
func (r *Reconciler) isAccepted(c *v1alpha1.Customer, changedAt time.Time) bool {
	accepted := r.Delivered.Peek(c)
	return accepted != nil && !accepted.ChangedAt.Time.Before(changedAt)
}

// send posts the customer's state.
func (r *Reconciler) send(ctx context.Context, c *v1alpha1.Customer) (ctrl.Result, error) {
	body, err := notice.Encode(c)
	if err != nil {
		return ctrl.Result{}, err
	}
	key, changedAt := client.ObjectKeyFromObject(c), notice.ChangedAt(c)
	err = r.Sink.Send(ctx, notice.ID(c), body)
	if err != nil && ctx.Err() != nil {
		return ctrl.Result{}, nil // the process stops: the next leader sends it again
	}
	if err != nil {
		r.noteFailure(ctx, c, err)
		return ctrl.Result{RequeueAfter: max(r.attempts.wait(key, changedAt, r.Clock.Now()), time.Millisecond)}, nil
	}
	metrics.Notifications.WithLabelValues("delivered", "").Inc()
	r.observeLag(c, changedAt)
	if r.attempts.succeed(key) {
		ctrl.LoggerFrom(ctx).Info("The CloudEvents sink accepts notifications again")
	}
	r.Delivered.Put(ctx, c, notice.Accepted(c, r.SinkID, r.Clock.Now()))
	return ctrl.Result{}, nil
}

// noteFailure notes when to send again, and reports the failure.
func (r *Reconciler) noteFailure(ctx context.Context, c *v1alpha1.Customer, err error) {
	key, changedAt, now := client.ObjectKeyFromObject(c), notice.ChangedAt(c), r.Clock.Now()
	result, code := "unavailable", 0
	if refused, ok := errors.AsType[*sink.RefusedError](err); ok {
		result, code = "refused", refused.Code
		r.attempts.fail(key, changedAt, now, true, 0)
	} else {
		var retryAfter time.Duration
		if unavailable, ok := errors.AsType[*sink.UnavailableError](err); ok {
			code, retryAfter = unavailable.Code, unavailable.RetryAfter
		}
		r.attempts.fail(key, changedAt, now, false, retryAfter)
	}
	metrics.Notifications.WithLabelValues(result, codeLabel(code)).Inc()
	r.logged.Do(func() {
		unavailable, refused := r.attempts.count()
		ctrl.LoggerFrom(ctx).Info("The CloudEvents sink does not accept notifications. They are sent again", "reason", err.Error(),
			"customersRefused", refused, "customersUnavailable", unavailable)
	})
}

// observeLag counts the time from the change to its delivery, apart from customers that the sink was never notified of and
// that changed before this process began: they were there before the sink was.
func (r *Reconciler) observeLag(c *v1alpha1.Customer, changedAt time.Time) {
	accepted := c.Status.Notified
	if isFirst := accepted == nil || accepted.Sink != r.SinkID; isFirst && changedAt.Before(r.started) {
		return
	}
	metrics.NotificationLag.Observe(max(r.Clock.Since(changedAt).Seconds(), 0))
}

// codeLabel is the label of an HTTP status code; "error" without an answer.
func codeLabel(code int) string {
	if code == 0 {
		return "error"
	}
	return strconv.Itoa(code)
}
