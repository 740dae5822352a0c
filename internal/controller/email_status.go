package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

const (
	// firstMailRetry after Mailgun did not take a message; then twice as long each time, up to lastMailRetry.
	firstMailRetry = 10 * time.Second
	lastMailRetry  = time.Hour
)

// outgoing is an Email in work, with the status that the cluster has.
type outgoing struct {
	v1alpha1.Email
	written v1alpha1.EmailStatus
}

// claim begins an attempt. It fails if somebody else has written the Email since it was read: then that one sends.
func (r *EmailReconciler) claim(ctx context.Context, email *outgoing, messageID string) error {
	attempt := &v1alpha1.EmailAttempt{Number: 1, MessageID: messageID, ClaimedAt: metav1.NewTime(r.Clock.Now().UTC())}
	if before := email.Status.Attempt; before != nil {
		attempt.Number, attempt.InDoubtSince = before.Number+1, inDoubtSince(before)
	}
	email.Status.Attempt = attempt
	return r.write(ctx, email, false, v1alpha1.ReasonSending, "The message is being handed to Mailgun.")
}

// inDoubtSince is when the first attempt began of which it is not known whether Mailgun took the message; nil if all are known.
func inDoubtSince(attempt *v1alpha1.EmailAttempt) *metav1.Time {
	if attempt.InDoubtSince == nil && attempt.Outcome != v1alpha1.AttemptNotAccepted {
		return &attempt.ClaimedAt
	}
	return attempt.InDoubtSince
}

// failed notes an attempt that did not succeed, as far as is known.
func (r *EmailReconciler) failed(ctx context.Context, email *outgoing, err error) (ctrl.Result, error) {
	attempt := email.Status.Attempt
	var rejected *mail.RejectedError
	var notAccepted *mail.NotAcceptedError
	purpose := string(email.Spec.Purpose)
	switch {
	case errors.As(err, &rejected):
		attempt.Outcome = v1alpha1.AttemptRejected
		metrics.Emails.WithLabelValues(purpose, "rejected").Inc()
		return retry(r.write(ctx, email, false, v1alpha1.ReasonRejected, sentence(rejected)))
	case errors.As(err, &notAccepted):
		wait := min(firstMailRetry<<min(attempt.Number-1, 16), lastMailRetry)
		attempt.Outcome, attempt.RetryAt = v1alpha1.AttemptNotAccepted, &metav1.Time{Time: r.Clock.Now().Add(wait).UTC()}
		metrics.Emails.WithLabelValues(purpose, "not_accepted").Inc()
		if err := r.write(ctx, email, false, v1alpha1.ReasonRetrying, sentence(notAccepted)); err != nil {
			return retry(err)
		}
		return ctrl.Result{RequeueAfter: wait}, nil
	default:
		attempt.Outcome = v1alpha1.AttemptUnknown
		metrics.Emails.WithLabelValues(purpose, "unknown").Inc()
		if err := r.write(ctx, email, false, v1alpha1.ReasonOutcomeUnknown,
			sentence(err)+" Its log is looked into before the message is sent again."); err != nil {
			return retry(err)
		}
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
}

// sent notes that Mailgun has the message.
func (r *EmailReconciler) sent(ctx context.Context, email *outgoing, message string) error {
	at := metav1.NewTime(r.Clock.Now().UTC())
	email.Status.SentAt = &at
	metrics.Emails.WithLabelValues(string(email.Spec.Purpose), "accepted").Inc()
	return r.write(ctx, email, true, v1alpha1.ReasonAccepted, message)
}

// write writes the status if it is not written so.
func (r *EmailReconciler) write(ctx context.Context, email *outgoing, sent bool, reason, message string) error {
	email.Status.ObservedGeneration = email.Generation
	setCondition(&email.Status.Conditions, email.Generation, r.Clock.Now().UTC(), v1alpha1.ConditionSent, sent, reason, message)
	if equality.Semantic.DeepEqual(email.written, email.Status) {
		return nil
	}
	if err := r.Client.Status().Update(ctx, &email.Email); err != nil {
		return fmt.Errorf("write status of Email %s: %w", email.Name, err)
	}
	email.written = *email.Status.DeepCopy()
	return nil
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil // what wrote it wakes us
	}
	return err
}

// sentence is an error as a condition's message.
func sentence(err error) string {
	text := []rune(err.Error())
	return fmt.Sprintf("%c%s.", text[0]-'a'+'A', string(text[1:]))
}
