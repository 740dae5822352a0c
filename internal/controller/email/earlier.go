package email

import (
	"context"
	"errors"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// freshSignup is how old a sign-up may be at the first attempt without a search in Mailgun's log.
const freshSignup = 5 * time.Minute

// alreadySentError reports that the message was sent: the message of the condition Sent.
type alreadySentError struct{ message string }

func (e *alreadySentError) Error() string { return e.message }

// messageID is the Message-Id of every attempt. It follows from Stripe's ids and the address, so that it is the same
// after a restore, and another one after the address was corrected: then a deleted Email is sent again. An attempt of an
// earlier version has another one, which stays.
func (r *Reconciler) messageID(email *storedEmail, address string) string {
	if email.Status.Attempt != nil {
		return email.Status.Attempt.MessageID
	}
	identity := email.customer.Spec
	return naming.Message(identity.Account, identity.CustomerID, email.sessionID(), address, email.Spec.Purpose) + "@" + r.Letter().Domain
}

// findEarlierMessage searches Mailgun's log before the first attempt. An Email without attempts may have been restored
// from a backup without its status, or planned again, after its message was sent. The search is left out for a sign-up
// of the last few minutes: so a usual sign-up waits for no search.
func (r *Reconciler) findEarlierMessage(ctx context.Context, email *storedEmail, address string) error {
	if email.Status.Attempt != nil || r.Clock.Since(r.signedUpAt(email)) < freshSignup {
		return nil
	}
	found, err := r.Mailgun.Find(ctx, r.messageID(email, address), r.signedUpAt(email))
	_, isRefused := errors.AsType[*mail.LogRefusedError](err)
	switch {
	case found:
		return &alreadySentError{"Mailgun has the message in its log: it was sent before this Email was created."}
	case err != nil && !isRefused: // a key that may not read the log keeps no e-mail back
		return &unavailableError{
			"Mailgun's log cannot be read, and may show that the message was sent before: the sign-up was more than 5 minutes ago. " +
				"The log is read again in a minute.", err, retryInterval,
		}
	}
	return nil
}
