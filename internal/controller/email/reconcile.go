package email

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	email, err := r.load(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	attempt := email.Status.Attempt
	reason, message := r.turnedOff(email)
	switch {
	case email.SettledAt() != nil || !email.DeletionTimestamp.IsZero():
		return ctrl.Result{}, nil
	case r.isOver(email) && (attempt == nil || inDoubtSince(attempt) == nil || reason != ""):
		return r.end(ctx, email) // a doubt that is not going to be searched must not hold up the erasure of the customer
	case reason != "":
		return r.wait(ctx, email, reason, message)
	case attempt == nil:
		return r.send(ctx, email)
	case attempt.Outcome == v1alpha1.AttemptNotAccepted && r.Clock.Now().Before(attempt.RetryAt.Time):
		return r.requeueAfter(email, attempt.RetryAt.Sub(r.Clock.Now())), nil
	case inDoubtSince(attempt) == nil:
		return r.send(ctx, email)
	default:
		return r.searchLog(ctx, email)
	}
}

// turnedOff says why nothing is sent or searched to this customer, as configured; empty if it is.
func (r *Reconciler) turnedOff(email *storedEmail) (reason, message string) {
	switch {
	case r.Off:
		return v1alpha1.ReasonEmailsOff, "E-mails are turned off (--emails=false)."
	case email.customer != nil && !r.MailedAccounts.Includes(email.customer.Spec.Account):
		return v1alpha1.ReasonEmailsOff, "E-mails to customers of this connected account are turned off (--connected-emails, --accounts)."
	case !r.Mailgun.IsConfigured():
		return v1alpha1.ReasonMailgunNotConfigured, "Mailgun is not configured: set MAILGUN_API_KEY, MAILGUN_DOMAIN and MAILGUN_SENDER_EMAIL."
	default:
		return "", ""
	}
}

// load reads an Email and its Customer.
func (r *Reconciler) load(ctx context.Context, key client.ObjectKey) (*storedEmail, error) {
	email := &storedEmail{}
	if err := r.Client.Get(ctx, key, &email.Email); err != nil {
		return nil, err
	}
	email.stored = *email.Status.DeepCopy()
	var customer v1alpha1.Customer
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: email.Spec.CustomerRef.Name}, &customer)
	switch {
	case err == nil:
		email.customer = &customer
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("get the Customer of Email %s: %w", email.Name, err)
	}
	return email, nil
}

// wait shows what an Email waits for. It is reconciled when that changes: with the Email or its customer, or, if it is
// configuration, with SettingsChanged or a new process. Otherwise it waits until it is too old.
func (r *Reconciler) wait(ctx context.Context, email *storedEmail, reason, message string) (ctrl.Result, error) {
	if err := r.writeStatus(ctx, email, false, reason, message); err != nil {
		return requeue.OnWriteError(err)
	}
	return ctrl.Result{RequeueAfter: max(r.deadline(email).Sub(r.Clock.Now()), 0)}, nil
}

// send composes the message, claims an attempt and makes it.
func (r *Reconciler) send(ctx context.Context, email *storedEmail) (ctrl.Result, error) {
	if r.isOver(email) {
		return r.end(ctx, email)
	}
	if err := r.Limit.Wait(ctx); err != nil {
		return ctrl.Result{}, fmt.Errorf("wait for the rate limit to send Email %s: %w", email.Name, err)
	}
	to, err := r.recipient(ctx, email)
	if err == nil {
		err = r.findEarlierMessage(ctx, email, to.Address)
	}
	if err != nil {
		return r.cannotSend(ctx, email, err)
	}
	if r.isOver(email) { // by now: Stripe and Mailgun took time to answer
		return r.end(ctx, email)
	}
	message, err := r.prepare(ctx, email, to)
	if err != nil {
		return r.cannotSend(ctx, email, err)
	}
	return r.attempt(ctx, email, message)
}

// prepare composes the message and claims an attempt. One message at a time is prepared: otherwise two messages to one
// address would each be counted before the other one is claimed.
func (r *Reconciler) prepare(ctx context.Context, email *storedEmail, to netmail.Address) (mail.Message, error) {
	r.preparing.Lock()
	defer r.preparing.Unlock()
	recipient, err := r.Quota().hash(to.Address)
	if err != nil {
		return mail.Message{}, err
	}
	if err := r.checkQuota(ctx, email, recipient); err != nil {
		return mail.Message{}, err
	}
	message, err := r.compose(ctx, email, to)
	if err != nil {
		return mail.Message{}, err
	}
	if err := r.claim(ctx, email, message.ID, recipient); err != nil {
		return mail.Message{}, &notClaimedError{err}
	}
	return message, nil
}

// notClaimedError reports that the claim of an attempt could not be written.
type notClaimedError struct{ cause error }

func (e *notClaimedError) Error() string { return e.cause.Error() }

// cannotSend shows why a message cannot be sent now, or that it was sent already.
func (r *Reconciler) cannotSend(ctx context.Context, email *storedEmail, err error) (ctrl.Result, error) {
	if sent, ok := errors.AsType[*alreadySentError](err); ok {
		return requeue.OnWriteError(r.recordSent(ctx, email, sent.message))
	}
	if blocked, ok := errors.AsType[*blockedError](err); ok {
		return r.wait(ctx, email, blocked.reason, blocked.message)
	}
	if unavailable, ok := errors.AsType[*unavailableError](err); ok {
		ctrl.LoggerFrom(ctx).Info("The message cannot be sent yet", "reason", unavailable.cause.Error())
		if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonRetrying, unavailable.message); err != nil {
			return requeue.OnWriteError(err)
		}
		return r.requeueAfter(email, unavailable.retryAfter), nil
	}
	if limited, ok := errors.AsType[*limitedError](err); ok {
		return r.waitForQuota(ctx, email, limited)
	}
	if notClaimed, ok := errors.AsType[*notClaimedError](err); ok {
		return requeue.OnWriteError(notClaimed.cause)
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) { // the cache does not show another write yet
		return requeue.WithBackoff(), nil
	}
	if err := r.writeStatus(ctx, email, false, v1alpha1.ReasonRetrying,
		fmt.Sprintf("The message cannot be composed: %v.", err)); err != nil {
		return requeue.OnWriteError(err)
	}
	return ctrl.Result{}, err
}

// attempt hands the message to Mailgun, as claimed, and records the outcome. A send in progress is finished even during
// shutdown.
func (r *Reconciler) attempt(ctx context.Context, email *storedEmail, message mail.Message) (ctrl.Result, error) {
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
// An attempt that Mailgun refused to take needs no settle time. There was an earlier unknown one, or the log would not
// be searched, and its settle time passed before the refused attempt was made.
func (r *Reconciler) searchLog(ctx context.Context, email *storedEmail) (ctrl.Result, error) {
	attempt := email.Status.Attempt
	settle := r.Settle
	if email.Spec.Purpose == v1alpha1.EmailPasswordReset {
		settle = min(settle, resetSettle)
	}
	left := settle - r.Clock.Since(attempt.ClaimedAt.Time)
	found, err := r.Mailgun.Find(ctx, attempt.MessageID, r.signedUpAt(email))
	refused, isRefused := errors.AsType[*mail.LogRefusedError](err)
	switch {
	case found:
		return requeue.OnWriteError(r.recordSent(ctx, email, "Mailgun has the message in its log."))
	case err == nil && (left <= 0 || attempt.Outcome == v1alpha1.AttemptNotAccepted), isRefused && left <= 0:
		return r.send(ctx, email)
	}
	message := "It is not known whether Mailgun accepted the message. " +
		"If Mailgun's log does not show it in time (--mail-settle), it is sent again."
	switch {
	case isRefused:
		message = "It is not known whether Mailgun accepted the message. " + condition.Sentence(refused) +
			" The message is sent again after --mail-settle."
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
