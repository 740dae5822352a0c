package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// The forms of secrets and addresses. A value of another form is a mistake, such as a key in the wrong variable: it would
// end as a key sent to the wrong host, or as refusals long after the start. No error repeats a value.
var (
	// endpointSecretForm: see https://docs.stripe.com/webhooks#verify-events.
	endpointSecretForm = regexp.MustCompile(`^whsec_[!-~]+$`)
	// stripeKeyForm: see https://docs.stripe.com/keys.
	stripeKeyForm = regexp.MustCompile(`^(sk|rk)_(test|live)_[!-~]+$`)
	// mailgunKeyForm: Mailgun's keys have had several forms, and none has blanks.
	mailgunKeyForm = regexp.MustCompile(`^[!-~]+$`)
	// domainForm: labels of letters, digits and hyphens. The domain is part of the URL of each request to Mailgun.
	domainForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

const stripeKeyWanted = "a secret or restricted key of Stripe (sk_live_…, rk_live_…, sk_test_… or rk_test_…): " +
	"copy one from Stripe's dashboard, or leave it empty"

// ofForm refuses a value that is set and not of the form.
func ofForm(name, value string, form *regexp.Regexp, want string) error {
	switch {
	case value == "" || form.MatchString(value):
		return nil
	case form.MatchString(strings.TrimSpace(value)):
		return fmt.Errorf("%s has blanks or a line break at its start or end: remove them", name)
	default:
		return fmt.Errorf("%s is not %s", name, want)
	}
}

// senderAddress validates the sender's address of the e-mails.
func senderAddress(address string) error {
	if address == "" {
		return nil
	}
	if _, err := mail.ParseAddress(address); err != nil {
		return fmt.Errorf("%s is not a valid e-mail address: set it to one, such as Example <hello@example.com>", EnvMailgunSenderEmail)
	}
	return nil
}

// secureURL validates a URL that a secret goes to: http is allowed within the machine only, which traffic does not leave.
func secureURL(name, value, secret string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s is not a valid https URL with a host: correct it", name)
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return fmt.Errorf("%s must be an https URL, because %s (http is allowed for localhost only)", name, secret)
	}
	return nil
}

// EndpointURL validates the URL to which Stripe posts events: https, or http on the local machine. name says where it was
// given.
func EndpointURL(name, value string) error {
	if err := secureURL(name, value, "Stripe posts the events there"); err != nil {
		return err
	}
	if u, err := url.Parse(value); err != nil || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s must not have a user or a fragment: remove it", name)
	}
	return nil
}

// StripeAPI validates the API key and the base URL of Stripe's API.
func StripeAPI(key, base string) error {
	return errors.Join(
		ofForm(EnvStripeSecretKey, key, stripeKeyForm, stripeKeyWanted), secureURL(EnvStripeAPIBase, base, "the API key is sent there"))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
