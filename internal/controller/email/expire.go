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
