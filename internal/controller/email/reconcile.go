package email

import (
	"context"
	"errors"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

const (
	// claimDuration is how long a claim gives the right to send, unless --mail-settle is shorter. A process that was
	// frozen for longer finds that its claim has ended, and does not send.
	claimDuration = 30 * time.Second
	// recordTimeout bounds the write of an attempt's outcome, which is written even during shutdown.
	recordTimeout = 5 * time.Second
	// resetSettle bounds --mail-settle for a password reset: its recipient waits for it, and a second one does little
	// harm. It is longer than any attempt.
	resetSettle = 2 * claimDuration
)

// Reconcile takes one Email a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	email := &storedEmail{}
	if err := r.Client.Get(ctx, req.NamespacedName, &email.Email); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	email.stored = *email.Status.DeepCopy()
	attempt := email.Status.Attempt
	switch {
	case isSettled(&email.Email) || !email.DeletionTimestamp.IsZero():
		return ctrl.Result{}, nil
	case r.Off:
		return r.wait(ctx, email, v1alpha1.ReasonEmailsOff, "E-mails are turned off (--emails=false).")
	case r.Mailgun == nil:
		return r.wait(ctx, email, v1alpha1.ReasonMailgunNotConfigured,
			"Mailgun is not configured: set MAILGUN_API_KEY, MAILGUN_DOMAIN and MAILGUN_SENDER_EMAIL.")
	case attempt == nil:
		return r.send(ctx, email)
	case attempt.Outcome == v1alpha1.AttemptNotAccepted && r.Clock.Now().Before(attempt.RetryAt.Time):
		return ctrl.Result{RequeueAfter: attempt.RetryAt.Sub(r.Clock.Now())}, nil
	case inDoubtSince(attempt) == nil:
		return r.send(ctx, email)
	default:
		return r.searchLog(ctx, email)
	}
}

// wait shows what an Email waits for. It is reconciled when that changes: with the Email or its customer, or, if it is
// configuration, with a new process.
func (r *Reconciler) wait(ctx context.Context, email *storedEmail, reason, message string) (ctrl.Result, error) {
	return requeue.OnWriteError(r.writeStatus(ctx, email, false, reason, message))
}

// send claims an attempt, hands the message to Mailgun and records the outcome. It finishes a send in progress even
// during shutdown.
func (r *Reconciler) send(ctx context.Context, email *storedEmail) (ctrl.Result, error) {
	if err := r.Limit.Wait(ctx); err != nil {
		return ctrl.Result{}, fmt.Errorf("wait for the rate limit to send Email %s: %w", email.Name, err)
	}
	message, err := r.compose(ctx, &email.Email)
	if blocked, ok := errors.AsType[*blockedError](err); ok {
		return r.wait(ctx, email, blocked.reason, blocked.message)
	}
	if err != nil {
		if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonRetrying,
			fmt.Sprintf("The message cannot be composed: %v.", err)); err != nil {
			return requeue.OnWriteError(err)
		}
		return ctrl.Result{}, err
	}
	if err := r.claim(ctx, email, message.ID); err != nil {
		return requeue.OnWriteError(err)
	}
	claimEnds := email.Status.Attempt.ClaimedAt.Add(min(claimDuration, r.Settle))
	if r.Clock.Now().After(claimEnds) {
		return ctrl.Result{RequeueAfter: time.Second}, nil // this process was frozen: another one may have taken over
	}
	ctx = context.WithoutCancel(ctx)
	sendContext, cancel := context.WithDeadline(ctx, claimEnds)
	id, err := r.Mailgun.Send(sendContext, message)
	cancel()
	ctx, cancel = context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if err != nil {
		return r.recordFailure(ctx, email, err)
	}
	email.Status.MailgunID = id
	return requeue.OnWriteError(r.recordSent(ctx, email, "Mailgun accepted the message."))
}

// searchLog searches Mailgun's log for attempts whose outcome is not known. A message that the log does not show after
// the settle time was not accepted, and is sent again. If the key may not read the log, the message is sent again after
// the settle time.
//
// If Mailgun did not accept the latest attempt, there is no settle time to wait for. The log is searched because the
// outcome of an earlier attempt is unknown, and that one's settle time passed before the latest attempt was made.
func (r *Reconciler) searchLog(ctx context.Context, email *storedEmail) (ctrl.Result, error) {
	attempt := email.Status.Attempt
	settle := r.Settle
	if email.Spec.Purpose == v1alpha1.EmailPasswordReset {
		settle = min(settle, resetSettle)
	}
	left := settle - r.Clock.Since(attempt.ClaimedAt.Time)
	found, err := r.Mailgun.Find(ctx, attempt.MessageID, email.CreationTimestamp.Time)
	refused, isRefused := errors.AsType[*mail.LogRefusedError](err)
	switch {
	case found:
		return requeue.OnWriteError(r.recordSent(ctx, email, "Mailgun has the message in its log."))
	case err == nil && (left <= 0 || attempt.Outcome == v1alpha1.AttemptNotAccepted), isRefused && left <= 0:
		return r.send(ctx, email)
	}
	message := "It is not known whether Mailgun accepted the message. If Mailgun's log does not show it in time (--mail-settle), it is sent again."
	switch {
	case isRefused:
		message = "It is not known whether Mailgun accepted the message. " + condition.Sentence(refused) + " The message is sent again after --mail-settle."
	case err != nil:
		message = "It is not known whether Mailgun accepted the message, and Mailgun's log cannot be read."
	}
	if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonOutcomeUnknown, message); err != nil {
		return requeue.OnWriteError(err)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: min(left, time.Minute)}, nil
}
