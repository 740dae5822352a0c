package doctor

import (
	"context"
	"errors"

	"github.com/tollkeeper/tollkeeper/internal/mail"
)

// mailgun asks Mailgun about the domain and the key. It sends nothing.
func (d *Doctor) mailgun(ctx context.Context) ([]Line, error) {
	switch {
	case d.Offline != "":
		return notAsked("Mailgun", d.Offline), nil
	case d.settings == nil:
		return notAsked("Mailgun", "the operator's settings are not known, or not valid"), nil
	case !d.settings.Emails:
		return notAsked("Mailgun", "e-mails are turned off (--emails=false)"), nil
	case !d.settings.Mailgun.Configured():
		return notAsked("Mailgun", "its settings are not known"), nil
	}
	m := d.settings.Mailgun
	settings := mail.Settings{Domain: m.Domain, Key: m.APIKey, From: m.SenderEmail, Base: m.APIBase}
	check, err := mail.NewMailgun(func() mail.Settings { return settings }).Check(ctx)
	return []Line{judgeMailgun(m.Domain, check, err)}, nil
}

func judgeMailgun(domain string, check mail.Check, err error) Line {
	const subject = "Mailgun"
	const key = "Check MAILGUN_API_KEY and MAILGUN_DOMAIN. A key that may only send is better replaced: docs/email.md says why"
	switch {
	case errors.Is(err, mail.ErrDomainUnknown):
		return Line{Fail, subject, "does not have the domain " + domain, "Check MAILGUN_DOMAIN. For a domain in the EU, set MAILGUN_API_BASE to https://api.eu.mailgun.net/v3"}
	case err != nil:
		return Line{Warn, subject, "could not be asked from this machine: " + err.Error(), "Look at the e-mails: kubectl get emails"}
	case !check.MayReadLog && check.State == "":
		return Line{Warn, subject, "accepts the key for neither its log nor the domain " + domain + ": it is wrong, or may only send", key}
	case check.State != "" && check.State != "active":
		return Line{Fail, subject, "the domain " + domain + " is " + check.State + ": it sends nothing", "Verify the domain at Mailgun: its DNS records are missing"}
	case !check.MayReadLog:
		return Line{Warn, subject, "the key may not read Mailgun's log: an e-mail without an answer is sent again later than it could be", key}
	case check.State == "":
		return Line{OK, subject, "accepts the key for its log of the domain " + domain, ""}
	default:
		return Line{OK, subject, "accepts the key, and the domain " + domain + " is active", ""}
	}
}
