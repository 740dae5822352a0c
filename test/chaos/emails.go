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

	"k8s.io/client-go/rest"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// subjects are the subjects of the messages by purpose.
var subjects = map[v1alpha1.EmailPurpose]string{
	v1alpha1.EmailWelcome:       "Welcome to " + appName,
	v1alpha1.EmailPasswordReset: "Choose your password for " + appName,
}

// consumeToken consumes the token of a reset link as the application does, and returns the Stripe id of its customer.
type consumeToken func(token string) (customer string, err error)

func (o *operator) consumer(ctx context.Context) consumeToken {
	return func(token string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		client, err := rest.HTTPClientFor(o.cluster.config)
		if err != nil {
			return "", err
		}
		reset, err := passwordreset.Consume(ctx, passwordreset.NewCluster(client, o.cluster.config.Host), o.namespace, token, time.Now())
		return reset.CustomerID, err
	}
}

// checkEmails finds e-mails that were not sent exactly once, or to the wrong address, or with the wrong content, or for
// another customer's checkout. It returns an error if a link could not be tried.
func (f *findings) checkEmails(s *state, histories []*history, messages []mailguntest.Message, consume consumeToken) error {
	byCustomer := map[string]*history{}
	for _, h := range histories {
		byCustomer[h.customerName()] = h
	}
	accepted := map[string][]mailguntest.Message{}
	for _, m := range messages {
		id := strings.Trim(m.Field("h:Message-Id"), "<>")
		accepted[id] = append(accepted[id], m)
	}
	for _, email := range s.emails.Items {
		if h := byCustomer[email.Spec.CustomerRef.Name]; h != nil && !h.checkouts[email.Spec.SessionID] {
			f.problemf("Email %s is for session %q, which is no checkout of the customer", email.Name, email.Spec.SessionID)
		}
		id := ""
		if email.Status.Attempt != nil {
			id = strings.Trim(email.Status.Attempt.MessageID, "<>")
		}
		switch n := len(accepted[id]); {
		case n == 0:
			f.lost++
			f.problemf("Email %s has the status of a sent e-mail, but Mailgun does not have it", email.Name)
		case n > 1:
			f.doubled += n - 1
			f.problemf("Email %s was sent %d times", email.Name, n)
		}
		for _, m := range accepted[id] {
			if problem := deliveryProblem(m, email.Spec.Purpose, byCustomer[email.Spec.CustomerRef.Name]); problem != "" {
				f.problemf("the message of Email %s: %s", email.Name, problem)
			}
		}
		if email.Spec.Purpose == v1alpha1.EmailPasswordReset && len(accepted[id]) > 0 {
			problem, err := linkProblem(accepted[id], byCustomer[email.Spec.CustomerRef.Name], consume)
			if err != nil {
				return err
			}
			if problem != "" {
				f.problemf("the message of Email %s: %s", email.Name, problem)
			}
		}
		delete(accepted, id)
	}
	for id, messages := range accepted {
		f.doubled += len(messages)
		f.problemf("Mailgun has message %s, which belongs to no Email", id)
	}
	return nil
}

// deliveryProblem returns what is wrong with the recipient or the content of a message; empty if nothing is.
func deliveryProblem(m mailguntest.Message, purpose v1alpha1.EmailPurpose, h *history) string {
	to, err := mail.ParseAddressList(m.Field("to"))
	switch {
	case h == nil:
		return "it is for a customer that should not exist"
	case err != nil || len(to) != 1 || len(m.Fields["to"]) != 1 || !h.addresses[to[0].Address]:
		return fmt.Sprintf("it went to %q, which is not the customer's address", m.Fields["to"])
	case m.Field("subject") != subjects[purpose]:
		return fmt.Sprintf("its subject is %q, want that of %s", m.Field("subject"), purpose)
	case purpose != v1alpha1.EmailPasswordReset && tokenOf(m) != "":
		return "it has a password reset link, but is not a password reset message"
	default:
		return ""
	}
}

var resetLink = regexp.MustCompile(regexp.QuoteMeta(resetURL) + `\S*`)

// tokenOf returns the token of the reset link in a message; empty if there is none.
func tokenOf(m mailguntest.Message) string {
	link, err := url.Parse(resetLink.FindString(m.Field("text")))
	if err != nil {
		return ""
	}
	return link.Query().Get(passwordreset.QueryParameter)
}

// linkProblem consumes the newest reset link of an e-mail's messages, and returns what is wrong with it; empty if nothing
// is.
func linkProblem(messages []mailguntest.Message, h *history, consume consumeToken) (problem string, err error) {
	token := tokenOf(messages[len(messages)-1])
	for _, m := range messages {
		if tokenOf(m) == "" {
			return "it has no link", nil
		}
	}
	if h == nil {
		return "", nil // deliveryProblem reports it
	}
	customer, err := consume(token)
	switch {
	case errors.Is(err, passwordreset.ErrInvalid), errors.Is(err, passwordreset.ErrExpired), errors.Is(err, passwordreset.ErrConsumed),
		errors.Is(err, passwordreset.ErrAddressChanged):
		return fmt.Sprintf("its link does not work: %v", err), nil
	case err != nil:
		return "", fmt.Errorf("consume the link of %s: %w", h.customer, err)
	case customer != h.customer:
		return fmt.Sprintf("its link is for %s, want %s", customer, h.customer), nil
	default:
		return "", nil
	}
}
