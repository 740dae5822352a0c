package email

import (
	"context"
	"fmt"
	netmail "net/mail"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

// compose composes the message. A reset token is recorded before it is sent.
func (r *Reconciler) compose(ctx context.Context, email *storedEmail, to netmail.Address) (mail.Message, error) {
	letter := r.Letter()
	data := mail.Data{AppName: letter.AppName, Name: to.Name, ValidFor: inWords(letter.ResetTTL)}
	var err error
	if email.Spec.Purpose == v1alpha1.EmailPasswordReset {
		if data.ResetURL, err = r.resetLink(ctx, email, to.Address); err != nil {
			return mail.Message{}, err
		}
	}
	message := mail.Message{ID: r.messageID(email, to.Address), To: to}
	message.Subject, message.Text, message.HTML, err = letter.Templates.Render(email.Spec.Purpose, data)
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
