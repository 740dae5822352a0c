// Package janitor is the controller that deletes Emails and PasswordResets some time after nothing is left to do about
// them.
//
// It observes Emails and PasswordResets. It decides when each may go, and deletes it then. A settled Email keeps its
// customer from getting a second one: it stays at least until the sign-up is too old for e-mails.
package janitor

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
)

// Reconciler deletes settled Emails and PasswordResets.
type Reconciler struct {
	Client client.Client
	Clock  clock.PassiveClock
	// Retention is how long an object stays after it is settled.
	Retention time.Duration
	// MaxAge is the age at which a sign-up is too old for an e-mail.
	MaxAge time.Duration

	saying sync.Mutex
	said   time.Time // when the log last said that a deletion is refused
}

// refusedInterval is the time after which a deletion that the API server refuses is tried again: the cause needs a person.
const refusedInterval = time.Hour

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails;passwordresets,verbs=delete;get;list;watch

// SetupWithManager registers one controller for each kind.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	for name, kind := range map[string]struct {
		object    client.Object
		reconcile reconcile.Func
	}{
		"email-janitor":          {&v1alpha1.Email{}, r.reconcileEmail},
		"password-reset-janitor": {&v1alpha1.PasswordReset{}, r.reconcilePasswordReset},
	} {
		if err := ctrl.NewControllerManagedBy(mgr).Named(name).For(kind.object).WithOptions(options).Complete(kind.reconcile); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) reconcileEmail(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	email := &v1alpha1.Email{}
	if err := r.Client.Get(ctx, req.NamespacedName, email); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	settled := email.SettledAt()
	if settled == nil {
		return ctrl.Result{}, nil
	}
	due := settled.Add(r.Retention)
	if email.Spec.SendBefore != nil && due.Before(email.Spec.SendBefore.Time) {
		due = email.Spec.SendBefore.Time
	}
	var customer v1alpha1.Customer
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: email.Namespace, Name: email.Spec.CustomerRef.Name}, &customer)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, fmt.Errorf("get the Customer of Email %s: %w", email.Name, err)
	case err == nil && customer.Status.Signup != nil: // another session may have become the sign-up since, and plan e-mails anew
		if planned := customer.Status.Signup.CompletedAt.Add(r.MaxAge); due.Before(planned) {
			due = planned
		}
	}
	return r.deleteAt(ctx, email, due)
}

func (r *Reconciler) reconcilePasswordReset(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	reset := &v1alpha1.PasswordReset{}
	if err := r.Client.Get(ctx, req.NamespacedName, reset); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	settled := reset.SettledAt()
	return r.deleteAt(ctx, reset, settled.Add(r.Retention))
}

// deleteAt deletes the object when it is due, unless it has changed since it was read.
func (r *Reconciler) deleteAt(ctx context.Context, object client.Object, due time.Time) (ctrl.Result, error) {
	if !object.GetDeletionTimestamp().IsZero() {
		return ctrl.Result{}, nil
	}
	if r.Clock.Now().Before(due) {
		return requeue.At(&due, r.Clock.Now()), nil
	}
	uid, version := object.GetUID(), object.GetResourceVersion()
	err := r.Client.Delete(ctx, object, client.Preconditions{UID: &uid, ResourceVersion: &version})
	switch {
	case apirejection.Is(err) || apierrors.IsForbidden(err):
		r.sayRefused(ctx, object, err)
		return ctrl.Result{RequeueAfter: refusedInterval}, nil
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	}
	return requeue.OnWriteError(err)
}

// sayRefused says what to do, once an hour: there may be thousands of such objects.
func (r *Reconciler) sayRefused(ctx context.Context, object client.Object, err error) {
	r.saying.Lock()
	defer r.saying.Unlock()
	now := r.Clock.Now()
	if now.Sub(r.said) < refusedInterval {
		return
	}
	r.said = now
	ctrl.LoggerFrom(ctx).Error(apirejection.Hide("it", err), "The API server refuses the deletion of a settled object, will retry every hour; "+
		"apply the manifests of this version, or change your policy or webhook; one object is logged an hour", "object", object.GetName())
}
