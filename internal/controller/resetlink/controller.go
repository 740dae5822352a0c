// Package resetlink is the controller that ends the links of a PasswordReset when the customer's address changes.
//
// It observes PasswordResets and Customers. It writes the hash of the address that the Customer shows into the
// PasswordReset: of its links, only those that were sent to this address work.
//
// For example, a link goes to mallory@example.com, and then the customer's address becomes ada@example.com. Whoever has
// the link proves to own the old address, and not that of Ada: the link does not work any more.
package resetlink

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/packed"
)

// Reconciler keeps the customer's present address in PasswordResets.
type Reconciler struct {
	Client client.Client
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=passwordresets,verbs=get;list;update;watch

// SetupWithManager registers the controller. A PasswordReset is reconciled when it or its customer changes.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("reset-link").
		For(&v1alpha1.PasswordReset{}).
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Customer{}, handler.EnqueueRequestsFromMapFunc(
			func(_ context.Context, customer client.Object) []reconcile.Request {
				return []reconcile.Request{{NamespacedName: client.ObjectKey{
					Namespace: customer.GetNamespace(), Name: passwordreset.ObjectName(customer.GetName()),
				}}}
			}))).
		WithOptions(options).
		Complete(r)
}

// Reconcile brings the address of one PasswordReset up to date. One that was used never changes.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	reset := &v1alpha1.PasswordReset{}
	if err := r.Client.Get(ctx, req.NamespacedName, reset); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	customer := &v1alpha1.Customer{}
	key := client.ObjectKey{Namespace: reset.Namespace, Name: reset.Spec.CustomerRef.Name}
	if err := r.Client.Get(ctx, key, customer); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	present := passwordreset.AddressHash(reset.UID, mail.AddressOf(customer))
	if reset.Status.ConsumedAt != nil || !metav1.IsControlledBy(reset, customer) || reset.Spec.AddressSHA256 == present {
		return ctrl.Result{}, nil
	}
	reset.Spec.AddressSHA256 = present
	if err := r.Client.Update(ctx, reset); err != nil {
		return requeue.OnWriteError(fmt.Errorf("write PasswordReset %s: %w", reset.Name, apirejection.Hide("it", err)))
	}
	return ctrl.Result{}, nil
}
