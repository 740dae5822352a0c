package email

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

// compose composes the message from the present state of its customer. The Secret of a reset token is written before
// the token is sent.
func (r *Reconciler) compose(ctx context.Context, email *v1alpha1.Email) (mail.Message, error) {
	var customer v1alpha1.Customer
	key := client.ObjectKey{Namespace: email.Namespace, Name: email.Spec.CustomerRef.Name}
	switch err := r.Client.Get(ctx, key, &customer); {
	case apierrors.IsNotFound(err):
		return mail.Message{}, &blockedError{v1alpha1.ReasonRecipientInvalid, "The Customer was deleted."}
	case err != nil:
		return mail.Message{}, err
	}
	to, err := mail.Recipient(customer.Status.Email, customer.Status.Name)
	if err != nil {
		return mail.Message{}, &blockedError{v1alpha1.ReasonRecipientInvalid, condition.Sentence(err)}
	}
	data := mail.Data{AppName: r.Letter.AppName, Name: to.Name, ValidFor: inWords(r.Letter.ResetTTL)}
	if email.Spec.Purpose == v1alpha1.EmailPasswordReset {
		if data.ResetURL, err = r.resetLink(ctx, email, &customer); err != nil {
			return mail.Message{}, err
		}
	}
	message := mail.Message{ID: fmt.Sprintf("%s@%s", email.UID, r.Letter.Domain), To: to}
	message.Subject, message.Text, message.HTML, err = r.Letter.Templates.Render(email.Spec.Purpose, data)
	return message, err
}

// inWords words a duration: "3 days".
func inWords(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := d / unit.length; n > 1 && d%unit.length == 0 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return d.String()
}
