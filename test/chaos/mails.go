package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// subjects of the messages tell their purposes.
var subjects = map[v1alpha1.EmailPurpose]string{
	v1alpha1.EmailWelcome:       "Welcome to " + appName,
	v1alpha1.EmailPasswordReset: "Choose your password for " + appName,
}

// use consumes a token as the application does, and returns Stripe's id of the customer that it lets in.
type use func(token string) (customer string, err error)

func (o *operator) use(ctx context.Context) use {
	return func(token string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return passwordreset.Consume(ctx, o.cluster.client, o.namespace, token, time.Now())
	}
}

// mails looks for e-mails that were not sent exactly once, to the one whom they are for, with what they are for. An error says that it
// cannot be told whether a link works.
func (v *verdict) mails(s *state, lives []*life, messages []mailguntest.Message, use use) error {
	of := map[string]*life{}
	for _, l := range lives {
		of[l.object()] = l
	}
	accepted := map[string][]mailguntest.Message{}
	for _, m := range messages {
		id := strings.Trim(m.Field("h:Message-Id"), "<>")
		accepted[id] = append(accepted[id], m)
	}
	for _, email := range s.emails.Items {
		id := ""
		if email.Status.Attempt != nil {
			id = strings.Trim(email.Status.Attempt.MessageID, "<>")
		}
		switch n := len(accepted[id]); {
		case n == 0:
			v.lost++
			v.addf("Email %s says it is sent; Mailgun does not have it", email.Name)
		case n > 1:
			v.doubled += n - 1
			v.addf("Email %s was sent %d times", email.Name, n)
		}
		for _, m := range accepted[id] {
			if what := misdirected(m, email.Spec.Purpose, of[email.Spec.CustomerRef.Name]); what != "" {
				v.addf("the message of Email %s: %s", email.Name, what)
			}
		}
		if email.Spec.Purpose == v1alpha1.EmailPasswordReset && len(accepted[id]) > 0 {
			what, err := useless(accepted[id], of[email.Spec.CustomerRef.Name], use)
			if err != nil {
				return err
			}
			if what != "" {
				v.addf("the message of Email %s: %s", email.Name, what)
			}
		}
		delete(accepted, id)
	}
	for id, messages := range accepted {
		v.doubled += len(messages)
		v.addf("Mailgun was sent %s, which no Email knows", id)
	}
	return nil
}

// misdirected says what is wrong with the recipient or the purpose of a message; empty if nothing is.
func misdirected(m mailguntest.Message, purpose v1alpha1.EmailPurpose, l *life) string {
	to, err := mail.ParseAddressList(m.Field("to"))
	switch {
	case l == nil:
		return "it is for a customer that should not be"
	case err != nil || len(to) != 1 || len(m.Fields["to"]) != 1 || !l.addresses[to[0].Address]:
		return fmt.Sprintf("it went to %q, which is not the customer's address", m.Fields["to"])
	case m.Field("subject") != subjects[purpose]:
		return fmt.Sprintf("its subject is %q, want that of %s", m.Field("subject"), purpose)
	case purpose != v1alpha1.EmailPasswordReset && tokenOf(m) != "":
		return "it has a link to choose a password with, and is not for that"
	default:
		return ""
	}
}

var resetLink = regexp.MustCompile(regexp.QuoteMeta(resetURL) + `\S*`)

// tokenOf is the token of the link in a message; empty if there is none.
func tokenOf(m mailguntest.Message) string {
	link, err := url.Parse(resetLink.FindString(m.Field("text")))
	if err != nil {
		return ""
	}
	return link.Query().Get(passwordreset.QueryParameter)
}

// useless says why the link in the messages does not let their customer in; empty if it does.
func useless(messages []mailguntest.Message, l *life, use use) (what string, err error) {
	token := tokenOf(messages[0])
	for _, m := range messages {
		if t := tokenOf(m); t == "" || t != token {
			return fmt.Sprintf("of %d messages not each has the same link", len(messages)), nil
		}
	}
	if l == nil {
		return "", nil // that is told already
	}
	customer, err := use(token)
	switch {
	case errors.Is(err, passwordreset.ErrInvalid), errors.Is(err, passwordreset.ErrExpired), errors.Is(err, passwordreset.ErrConsumed):
		return fmt.Sprintf("its link does not work: %v", err), nil
	case err != nil:
		return "", fmt.Errorf("use the link of %s: %w", l.customer, err)
	case customer != l.customer:
		return fmt.Sprintf("its link is for %s, want %s", customer, l.customer), nil
	default:
		return "", nil
	}
}
