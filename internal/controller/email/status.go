package email

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

const (
	// firstRetry is the pause after Mailgun first did not accept a message. It doubles with each attempt, up to
	// lastRetry.
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
)

// storedEmail is an Email whose status is being changed, with the status as it is stored.
type storedEmail struct {
	v1alpha1.Email
	stored   v1alpha1.EmailStatus
	customer *v1alpha1.Customer // nil if it does not exist
}

// sessionID is the checkout session of the sign-up; empty if it is not known. Emails of earlier versions do not name
// it.
func (e *storedEmail) sessionID() string {
	if e.Spec.SessionID == "" && e.customer != nil && e.customer.Status.Signup != nil {
		return e.customer.Status.Signup.SessionID
	}
	return e.Spec.SessionID
}

// claim starts an attempt. It fails with a conflict if another process has written the Email since it was read: then
// that process sends.
func (r *Reconciler) claim(ctx context.Context, email *storedEmail, messageID, recipient string) error {
	attempt := &v1alpha1.EmailAttempt{
		Number: nextNumber(email.Status.Attempt), MessageID: messageID, RecipientHMAC: recipient, ClaimedAt: metav1.NewTime(r.Clock.Now().UTC()),
	}
	if before := email.Status.Attempt; before != nil {
		attempt.InDoubtSince = inDoubtSince(before)
	}
	email.Status.Attempt = attempt
	return r.writeStatus(ctx, email, false, v1alpha1.ReasonSending, "The message is being handed to Mailgun.")
}

// nextNumber is the number of the attempt after the last one; nil is none.
func nextNumber(last *v1alpha1.EmailAttempt) int32 {
	if last == nil {
		return 1
	}
	return last.Number + 1
}

// inDoubtSince returns when the first attempt was claimed whose outcome is not known; nil if every outcome is known.
func inDoubtSince(attempt *v1alpha1.EmailAttempt) *metav1.Time {
	if attempt.InDoubtSince == nil && attempt.Outcome != v1alpha1.AttemptNotAccepted {
		return &attempt.ClaimedAt
	}
	return attempt.InDoubtSince
}

// recordFailure records an attempt that failed, or whose outcome is not known.
func (r *Reconciler) recordFailure(ctx context.Context, email *storedEmail, err error) (ctrl.Result, error) {
	attempt := email.Status.Attempt
	var rejected *mail.RejectedError
	var notAccepted *mail.NotAcceptedError
	purpose := string(email.Spec.Purpose)
	switch {
	case errors.As(err, &rejected):
		attempt.Outcome = v1alpha1.AttemptRejected
		metrics.Emails.WithLabelValues(purpose, "rejected").Inc()
		return requeue.OnWriteError(r.writeStatus(ctx, email, false, v1alpha1.ReasonRejected, condition.Sentence(rejected)))
	case errors.As(err, &notAccepted):
		wait := min(firstRetry<<min(attempt.Number-1, 16), lastRetry)
		attempt.Outcome, attempt.RetryAt = v1alpha1.AttemptNotAccepted, &metav1.Time{Time: r.Clock.Now().Add(wait).UTC()}
		metrics.Emails.WithLabelValues(purpose, "not_accepted").Inc()
		if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonRetrying, condition.Sentence(notAccepted)); err != nil {
			return requeue.OnWriteError(err)
		}
		return r.requeueAfter(email, wait), nil
	default:
		attempt.Outcome = v1alpha1.AttemptUnknown
		metrics.Emails.WithLabelValues(purpose, "unknown").Inc()
		if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonOutcomeUnknown,
			condition.Sentence(err)+" Mailgun's log is searched before the message is sent again."); err != nil {
			return requeue.OnWriteError(err)
		}
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
}

// recordSent records that Mailgun has the message.
func (r *Reconciler) recordSent(ctx context.Context, email *storedEmail, message string) error {
	at := metav1.NewTime(r.Clock.Now().UTC())
	email.Status.SentAt = &at
	metrics.Emails.WithLabelValues(string(email.Spec.Purpose), "accepted").Inc()
	return r.writeStatus(ctx, email, true, v1alpha1.ReasonAccepted, message)
}

// writeStatus writes the status if it differs from what is stored.
func (r *Reconciler) writeStatus(ctx context.Context, email *storedEmail, sent bool, reason, message string) error {
	email.Status.ObservedGeneration = email.Generation
	condition.Setter{Conditions: &email.Status.Conditions, Generation: email.Generation, Now: r.Clock.Now().UTC()}.
		Set(v1alpha1.ConditionSent, condition.Of(sent), reason, message)
	if equality.Semantic.DeepEqual(email.stored, email.Status) {
		return nil
	}
	if err := r.Client.Status().Update(ctx, &email.Email); err != nil {
		return fmt.Errorf("write status of Email %s: %w", email.Name, err)
	}
	email.stored = *email.Status.DeepCopy()
	return nil
}
