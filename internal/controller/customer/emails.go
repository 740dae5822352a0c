package customer

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// planEmails creates the two Emails to a customer that has signed up as a new one. It looks at the customer's status
// alone, so whether there are e-mails does not depend on the order or the batches of the events. An Email keeps the
// checkout that planned it, also if one that was opened earlier arrives later. A sign-up older than MailMaxAge, found
// late by a backfill, plans none. Neither does a deleted customer, or one of a connected account that is not to be
// mailed. If the API server refuses an Email, the event of the sign-up waits.
func (r *Reconciler) planEmails(ctx context.Context, c *reconciliation) error {
	status := &c.customer.Status
	if status.DeletedAt != nil || !r.MailedAccounts.Includes(c.customer.Spec.Account) {
		return nil
	}
	if status.Signup == nil || !r.Clock.Now().Before(r.sendBefore(status.Signup)) || !projection.IsNew(storedAggregate(c)) {
		return nil
	}
	if r.HasStripe && status.Complete == nil {
		return nil // a subscription from before the sign-up may exist: the customer is reconciled again when it is known whole
	}
	var planned v1alpha1.EmailList
	if err := r.Client.List(ctx, &planned, client.InNamespace(c.customer.Namespace),
		client.MatchingFields{routing.ByCustomer: c.customer.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
		email := r.newEmail(c.customer, purpose)
		if isPlanned(&planned, email.Name) {
			continue
		}
		err := r.Client.Create(ctx, email)
		switch {
		case apirejection.Is(err):
			r.rejectSignup(ctx, c, fmt.Errorf("create Email %s: %w", email.Name, apirejection.Hide("it", err)))
		case err != nil && !apierrors.IsAlreadyExists(err):
			return fmt.Errorf("create Email %s: %w", email.Name, err)
		}
	}
	return nil
}

func isPlanned(emails *v1alpha1.EmailList, name string) bool {
	for i := range emails.Items {
		if emails.Items[i].Name == name {
			return true
		}
	}
	return false
}

// rejectSignup makes the pending events of the sign-up's session wait, and has the customer reconciled again.
func (r *Reconciler) rejectSignup(ctx context.Context, c *reconciliation, err error) {
	c.emailRejected = true
	for _, e := range c.pending {
		if e.Spec.ObjectID == c.customer.Status.Signup.SessionID {
			e.rejected = err
		}
	}
	ctrl.LoggerFrom(ctx).Info("The API server refuses an Email; the sign-up waits",
		"sessionID", c.customer.Status.Signup.SessionID, "reason", err.Error())
}

// sendBefore is the time from which the e-mails of a sign-up are too old to be sent.
func (r *Reconciler) sendBefore(signup *v1alpha1.Signup) time.Time {
	return signup.CompletedAt.Add(r.MailMaxAge)
}

func (r *Reconciler) newEmail(customer *v1alpha1.Customer, purpose v1alpha1.EmailPurpose) *v1alpha1.Email {
	signup := customer.Status.Signup
	return &v1alpha1.Email{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       customer.Namespace,
			Name:            naming.Email(customer.Name, purpose),
			Labels:          naming.Labels("", customer.Spec.CustomerID, ""),
			OwnerReferences: []metav1.OwnerReference{naming.OwnedBy(customer)},
		},
		Spec: v1alpha1.EmailSpec{
			CustomerRef: v1alpha1.ObjectReference{Name: customer.Name}, Purpose: purpose,
			SessionID: signup.SessionID, SendBefore: &metav1.Time{Time: r.sendBefore(signup)},
		},
	}
}
