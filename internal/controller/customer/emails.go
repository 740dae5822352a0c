package customer

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// planEmails creates the two Emails to a customer that signed up with one of the events. An Email's name is unique for the customer and
// the purpose, so planning twice does nothing. A sign-up older than MailMaxAge, found late by a backfill, plans none. If the API server
// refuses an Email, which holds nothing of the event, the sign-up's event waits.
func (r *Reconciler) planEmails(ctx context.Context, c *reconciliation) error {
	for _, e := range c.pending {
		isSignup := e.outcome == v1alpha1.OutcomeApplied && projection.IsSignup(&c.customer.Status, &e.Spec)
		if !isSignup || r.Clock.Since(e.Spec.Created.Time) > r.MailMaxAge {
			continue
		}
		for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
			email := newEmail(c.customer, purpose)
			err := r.Client.Create(ctx, email)
			switch {
			case apirejection.Is(err):
				e.rejected = fmt.Errorf("create Email %s: %w", email.Name, apirejection.Hide("it", err))
				ctrl.LoggerFrom(ctx).Info("The API server refuses an Email; the sign-up waits", "eventID", e.Spec.EventID,
					"reason", e.rejected.Error())
			case err != nil && !apierrors.IsAlreadyExists(err):
				return fmt.Errorf("create Email %s: %w", email.Name, err)
			}
		}
	}
	return nil
}

func newEmail(customer *v1alpha1.Customer, purpose v1alpha1.EmailPurpose) *v1alpha1.Email {
	return &v1alpha1.Email{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       customer.Namespace,
			Name:            naming.Email(customer.Name, purpose),
			Labels:          naming.Labels("", customer.Spec.CustomerID, ""),
			OwnerReferences: []metav1.OwnerReference{naming.OwnedBy(customer)},
		},
		Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: customer.Name}, Purpose: purpose},
	}
}
