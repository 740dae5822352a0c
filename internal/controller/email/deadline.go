package email

import (
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
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

// requeueAfter reconciles after the time, or when the Email becomes too old, whatever comes first.
func (r *Reconciler) requeueAfter(email *storedEmail, wait time.Duration) ctrl.Result {
	if left := r.deadline(email).Sub(r.Clock.Now()); left > 0 {
		wait = min(wait, left)
	}
	return ctrl.Result{RequeueAfter: wait}
}
