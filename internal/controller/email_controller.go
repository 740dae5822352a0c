package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EmailReconciler says where each Email stands. It does not send: an Email waits, with the reason.
type EmailReconciler struct {
	Client client.Client
	Clock  clock.PassiveClock
	// Configured says whether Mailgun's settings are there.
	Configured bool
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails/status,verbs=update

// SetupWithManager registers the reconciler.
func (r *EmailReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("email").For(&v1alpha1.Email{}).WithOptions(options).Complete(r)
}

// Reconcile writes the Sent condition of one Email.
func (r *EmailReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var email v1alpha1.Email
	if err := r.Client.Get(ctx, req.NamespacedName, &email); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := email.Status.DeepCopy()
	reason, message := v1alpha1.ReasonMailgunNotConfigured, "Set MAILGUN_API_KEY, MAILGUN_DOMAIN and MAILGUN_SENDER_EMAIL."
	if r.Configured {
		reason, message = v1alpha1.ReasonPending, "The message is planned; this version does not send it yet."
	}
	email.Status.ObservedGeneration = email.Generation
	setCondition(&email.Status.Conditions, email.Generation, r.Clock.Now().UTC(), v1alpha1.ConditionSent, false, reason, message)
	if equality.Semantic.DeepEqual(before, &email.Status) {
		return ctrl.Result{}, nil
	}
	return retry(r.Client.Status().Update(ctx, &email))
}
