package email

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// signedUpAt is when the customer signed up, as far as is known: the earliest time at which the message can have been
// sent. The Email itself may be younger, because it was restored from a backup.
func (r *Reconciler) signedUpAt(email *storedEmail) time.Time {
	at := email.CreationTimestamp.Time
	if email.customer != nil && email.customer.Status.Signup != nil {
		at = earlier(at, email.customer.Status.Signup.CompletedAt.Time)
	}
	if email.Spec.SendBefore != nil {
		at = earlier(at, email.Spec.SendBefore.Add(-r.MaxAge))
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// deadline is from when on the message is too old to be sent. Emails of earlier versions have none in their spec.
func (r *Reconciler) deadline(email *storedEmail) time.Time {
	if email.Spec.SendBefore != nil {
		return email.Spec.SendBefore.Time
	}
	return r.signedUpAt(email).Add(r.MaxAge)
}

func (r *Reconciler) isTooOld(email *storedEmail) bool {
	return !r.Clock.Now().Before(r.deadline(email))
}

// isOver reports whether nothing may be sent any more.
func (r *Reconciler) isOver(email *storedEmail) bool { return r.isTooOld(email) || isOfDeleted(email) }

// isOfDeleted reports whether the customer was deleted at Stripe.
func isOfDeleted(email *storedEmail) bool {
	return email.customer != nil && email.customer.Status.DeletedAt != nil
}

// end ends an Email for good: its sign-up is too old, or its customer was deleted at Stripe.
func (r *Reconciler) end(ctx context.Context, email *storedEmail) (ctrl.Result, error) {
	message := fmt.Sprintf("The message was not sent by %s, and is not sent any more: ", r.deadline(email).UTC().Format(time.RFC3339))
	reason, cause, result := v1alpha1.ReasonExpired, "the sign-up is too old (--mail-max-age).", "expired"
	if isOfDeleted(email) {
		message = "The message was not sent, and is not sent any more: "
		reason, cause, result = v1alpha1.ReasonCustomerDeleted, "the customer was deleted at Stripe.", "customer_deleted"
	}
	if email.Status.Attempt != nil && inDoubtSince(email.Status.Attempt) != nil {
		message = "It is not known whether Mailgun accepted the message, and it is not sent again: "
	}
	if err := r.writeStatus(ctx, email, false, reason, message+cause); err != nil {
		return requeue.OnWriteError(err)
	}
	metrics.Emails.WithLabelValues(string(email.Spec.Purpose), result).Inc()
	return ctrl.Result{}, nil
}
