package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

const (
	// claimHolds is how long after its claim an attempt may go on, or --mail-settle if that is shorter: nobody sends the message again
	// before. A process that stood still for longer finds that it has ended.
	claimHolds = 30 * time.Second
	// noteTimeout bounds the write of what came of an attempt, which is written even if the process has been told to end.
	noteTimeout = 5 * time.Second
	// resetSettle is how long Mailgun's log is given for a reset message, which somebody waits for and which does little harm twice.
	// It is longer than any attempt.
	resetSettle = 2 * claimHolds
)

// EmailReconciler sends Emails, each one effectively once.
//
// It claims an attempt in the Email's status before it hands the message to Mailgun, and notes the outcome after. Whatever stops it in
// between, an attempt without an outcome is there to be seen: then Mailgun's log is asked for the message's Message-Id before it is sent
// again.
type EmailReconciler struct {
	Client client.Client
	// Reader reads Secrets from the API server itself: they are not kept in memory.
	Reader client.Reader
	Clock  clock.PassiveClock
	// Off says that e-mails are turned off.
	Off bool
	// Mailgun sends; nil while it is not configured.
	Mailgun *mail.Mailgun
	// Letter is what the messages are made of.
	Letter Letter
	// Limit of messages.
	Limit *rate.Limiter
	// Settle is how long Mailgun's log may hide a message that it accepted.
	Settle time.Duration
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails/status,verbs=update
// +kubebuilder:rbac:groups="",namespace=system,resources=secrets,verbs=create;get;update

// SetupWithManager registers the reconciler. It looks at an Email again when its customer changes: its address may be there now.
func (r *EmailReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	toEmails := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, customer client.Object) []reconcile.Request {
		var emails v1alpha1.EmailList
		if err := r.Client.List(ctx, &emails, client.InNamespace(customer.GetNamespace()), client.MatchingFields{byCustomer: customer.GetName()},
			client.DisableReadYourWritesConsistency); err != nil {
			return nil // the cache answers, which does not fail
		}
		var requests []reconcile.Request
		for i := range emails.Items {
			if !settled(&emails.Items[i]) {
				requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&emails.Items[i])})
			}
		}
		return requests
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("email").
		For(&v1alpha1.Email{}).
		Watches(&v1alpha1.Customer{}, toEmails).
		WithOptions(options).
		Complete(r)
}

// settled says whether nothing is left to do about an Email.
func settled(email *v1alpha1.Email) bool {
	attempt := email.Status.Attempt
	return email.Status.SentAt != nil || attempt != nil && attempt.Outcome == v1alpha1.AttemptRejected
}

// Reconcile takes one Email a step further.
func (r *EmailReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	email := &outgoing{}
	if err := r.Client.Get(ctx, req.NamespacedName, &email.Email); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	email.written = *email.Status.DeepCopy()
	attempt := email.Status.Attempt
	switch {
	case settled(&email.Email) || !email.DeletionTimestamp.IsZero():
		return ctrl.Result{}, nil
	case r.Off:
		return r.wait(ctx, email, v1alpha1.ReasonEmailsOff, "E-mails are turned off (--emails=false).")
	case r.Mailgun == nil:
		return r.wait(ctx, email, v1alpha1.ReasonMailgunNotConfigured, "Set MAILGUN_API_KEY, MAILGUN_DOMAIN and MAILGUN_SENDER_EMAIL.")
	case attempt == nil:
		return r.send(ctx, email)
	case attempt.Outcome == v1alpha1.AttemptNotAccepted && r.Clock.Now().Before(attempt.RetryAt.Time):
		return ctrl.Result{RequeueAfter: attempt.RetryAt.Sub(r.Clock.Now())}, nil
	case inDoubtSince(attempt) == nil:
		return r.send(ctx, email)
	default:
		return r.find(ctx, email)
	}
}

// wait says what an Email waits for. A change of it, or of the configuration and with it a new process, comes back to it.
func (r *EmailReconciler) wait(ctx context.Context, email *outgoing, reason, message string) (ctrl.Result, error) {
	return ctrl.Result{}, ignoreConflict(r.write(ctx, email, false, reason, message))
}

// send claims an attempt, hands the message to Mailgun and notes the outcome. What is begun is ended, though the process be told to end.
func (r *EmailReconciler) send(ctx context.Context, email *outgoing) (ctrl.Result, error) {
	if err := r.Limit.Wait(ctx); err != nil {
		return ctrl.Result{}, fmt.Errorf("wait for a turn to send Email %s: %w", email.Name, err)
	}
	message, err := r.compose(ctx, &email.Email)
	if waits, ok := errors.AsType[*waitError](err); ok {
		return r.wait(ctx, email, waits.reason, waits.message)
	}
	if err != nil {
		if shown := r.write(ctx, email, false, v1alpha1.ReasonRetrying, fmt.Sprintf("The message cannot be made: %v.", err)); shown != nil {
			return retry(shown)
		}
		return ctrl.Result{}, err
	}
	if err := r.claim(ctx, email, message.ID); err != nil {
		return retry(err)
	}
	ends := email.Status.Attempt.ClaimedAt.Add(min(claimHolds, r.Settle))
	if r.Clock.Now().After(ends) {
		return ctrl.Result{RequeueAfter: time.Second}, nil // this process stood still: somebody else may have taken over
	}
	ctx = context.WithoutCancel(ctx)
	whileClaimed, cancel := context.WithDeadline(ctx, ends)
	id, err := r.Mailgun.Send(whileClaimed, message)
	cancel()
	ctx, cancel = context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	if err != nil {
		return r.failed(ctx, email, err)
	}
	email.Status.MailgunID = id
	return retry(r.sent(ctx, email, "Mailgun accepted the message."))
}

// find asks Mailgun's log about attempts of which no outcome is known. What the log does not have after it has had time to settle was not
// accepted; what cannot be looked up, since the key may not read the log, is sent again then.
func (r *EmailReconciler) find(ctx context.Context, email *outgoing) (ctrl.Result, error) {
	attempt := email.Status.Attempt
	settle := r.Settle
	if email.Spec.Purpose == v1alpha1.EmailPasswordReset {
		settle = min(settle, resetSettle)
	}
	left := settle - r.Clock.Since(attempt.ClaimedAt.Time)
	found, err := r.Mailgun.Find(ctx, attempt.MessageID, email.CreationTimestamp.Time)
	if err != nil {
		message := "It is not known whether Mailgun took the message, and its log cannot be read."
		if refused, ok := errors.AsType[*mail.LogRefusedError](err); ok {
			if left <= 0 {
				return r.send(ctx, email)
			}
			message = "It is not known whether Mailgun took the message. " + sentence(refused) + " The message is sent again after --mail-settle."
		}
		if err := r.write(ctx, email, false, v1alpha1.ReasonOutcomeUnknown, message); err != nil {
			return retry(err)
		}
		return ctrl.Result{}, err
	}
	if found {
		return retry(r.sent(ctx, email, "Mailgun has the message in its log."))
	}
	if left <= 0 || attempt.Outcome == v1alpha1.AttemptNotAccepted { // that what came before is not known had its time
		return r.send(ctx, email)
	}
	if err := r.write(ctx, email, false, v1alpha1.ReasonOutcomeUnknown,
		"It is not known whether Mailgun took the message. If its log does not show it in time (--mail-settle) it is sent again."); err != nil {
		return retry(err)
	}
	return ctrl.Result{RequeueAfter: min(left, time.Minute)}, nil
}
