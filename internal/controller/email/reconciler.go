// Package email is the controller of Emails: it sends each one effectively once.
//
// It observes Emails and their Customers, and reads the sign-up from Stripe, or without a key from the recorded events.
// It decides whether an Email is to be sent and where to, must wait, is too old, or may have been sent already. It
// writes the hash of a link's token to the customer's PasswordReset, and the Email's status. It claims an attempt in the
// status before it hands the message to Mailgun, and records the outcome after. If the process stops in between, the
// attempt has no outcome: then Mailgun's log is searched for the message's Message-Id before it is sent again.
//
// For example, a process claims attempt 1, hands the message over, and is killed before Mailgun answers. The next
// leader finds attempt 1 without an outcome and searches the log. It finds the message and records it as sent. If the
// log has no such message after --mail-settle, the leader claims attempt 2 and sends.
package email

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/ended"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/packed"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// Reconciler sends Emails.
type Reconciler struct {
	Client client.Client
	// Reader reads recorded events from the API server: only pending ones are cached.
	Reader client.Reader
	// Ended knows which customers have ended events.
	Ended ended.Set
	// Stripe confirms sign-ups; nil without a key.
	Stripe Stripe
	Clock  clock.PassiveClock
	// MaxAge is the age at which a sign-up is too old for an e-mail.
	MaxAge time.Duration
	// Off turns sending off: Emails wait.
	Off bool
	// MailedAccounts are the connected accounts whose customers are sent e-mails, beside the platform's own.
	MailedAccounts stripeaccount.Selection
	// Mailgun sends the messages, once it is configured.
	Mailgun *mail.Mailgun
	// Letter returns what the messages are composed from now.
	Letter func() Letter
	// Limit bounds the rate of messages.
	Limit *rate.Limiter
	// Quota returns how the messages to one address are bounded now.
	Quota func() Quota
	// Settle is how long Mailgun's log may not show a message that Mailgun has accepted.
	Settle time.Duration

	preparing sync.Mutex
	// changed has an entry when the settings of Mailgun or the letter have changed.
	changed chan event.GenericEvent
}

// SettingsChanged has the Emails tried that are not settled: what they wait for may be set now.
func (r *Reconciler) SettingsChanged() {
	select {
	case r.changed <- event.GenericEvent{Object: &v1alpha1.Email{}}:
	default: // they are about to be tried
	}
}

// Letter holds what the messages are composed from.
type Letter struct {
	Templates *mail.Templates
	// AppName is the application's name.
	AppName string
	// Domain is the part of a Message-Id after the @.
	Domain string
	// ResetURL is the page that the reset token is added to; empty if it is not configured.
	ResetURL string
	// ResetTTL is how long a reset link works.
	ResetTTL time.Duration
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=emails/status,verbs=update
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=passwordresets,verbs=create;delete;get;list;update;watch

// SetupWithManager registers the controller. An Email is reconciled when it changes, when its customer does, whose address may be
// known now, and when the settings change.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	exposeCounts()
	r.changed = make(chan event.GenericEvent, 1)
	return ctrl.NewControllerManagedBy(mgr).
		Named("email").
		For(&v1alpha1.Email{}).
		WatchesRawSource(packed.ByName(mgr.GetCache(), &v1alpha1.Customer{}, handler.EnqueueRequestsFromMapFunc(r.unsettledOf))).
		WatchesRawSource(source.Channel(r.changed, handler.EnqueueRequestsFromMapFunc(r.unsettled))).
		WithOptions(options).
		Complete(r)
}

// unsettledOf lists the customer's Emails that are not settled.
func (r *Reconciler) unsettledOf(ctx context.Context, customer client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(customer.GetNamespace()), client.MatchingFields{routing.ByCustomer: customer.GetName()})
}

// unsettled lists all Emails that are not settled. The cache has those of one namespace.
func (r *Reconciler) unsettled(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.list(ctx)
}

func (r *Reconciler) list(ctx context.Context, which ...client.ListOption) []reconcile.Request {
	var emails v1alpha1.EmailList
	if err := r.Client.List(ctx, &emails, append(which, client.DisableReadYourWritesConsistency)...); err != nil {
		return nil // the cache answers, and does not fail
	}
	var requests []reconcile.Request
	for i := range emails.Items {
		if emails.Items[i].SettledAt() == nil {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&emails.Items[i])})
		}
	}
	return requests
}
