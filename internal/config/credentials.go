package config

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/credentials"
)

// CredentialNames are the variables that may come from files: the secrets, and what decides where they go.
var CredentialNames = []string{
	EnvStripeEndpointSecret, EnvStripeSecretKey, EnvStripeAPIBase,
	EnvMailgunAPIKey, EnvMailgunDomain, EnvMailgunSenderEmail, EnvMailgunAPIBase,
	EnvPasswordResetURL, EnvAppName, EnvCloudEventsSigningSecret,
}

// maxSecrets bounds how many secrets a list has: each one costs every request a hash.
const maxSecrets = 16

// open finds where the credentials come from.
func (c *Config) open(getenv func(string) string) (sources *credentials.Sources, err error) {
	sources, err = credentials.Open(CredentialNames, getenv, c.CredentialsDir)
	if sources.HasFiles() {
		c.Credentials = sources
	}
	return sources, err
}

// EndpointSecrets splits a comma-separated list. With an empty secret anyone could sign events.
func EndpointSecrets(list string) ([]string, error) {
	if list == "" {
		return nil, fmt.Errorf("%s is not set: set it to the signing secret of the Stripe endpoint (whsec_…), or to several separated by commas", EnvStripeEndpointSecret)
	}
	secrets := strings.Split(list, ",")
	if len(secrets) > maxSecrets {
		return nil, tooMany(EnvStripeEndpointSecret, len(secrets))
	}
	for i := range secrets {
		if secrets[i] = strings.TrimSpace(secrets[i]); secrets[i] == "" {
			return nil, fmt.Errorf("%s: entry %d of %d is empty: add the secret or remove the comma", EnvStripeEndpointSecret, i+1, len(secrets))
		}
		if !endpointSecretForm.MatchString(secrets[i]) {
			return nil, fmt.Errorf("%s: entry %d of %d is not a signing secret of Stripe (whsec_…): copy it from the endpoint's page in Stripe's dashboard",
				EnvStripeEndpointSecret, i+1, len(secrets))
		}
	}
	return secrets, nil
}

func tooMany(name string, count int) error {
	return fmt.Errorf("%s has %d entries: want at most %d. Remove those that are no longer signed with", name, count, maxSecrets)
}

// Mails are the settings of the e-mails that come from the environment or from files.
type Mails struct {
	Mailgun
	App
}

// MailsFrom reads and validates the settings of the e-mails. Load must have been called: the ConfigMap may have APP_NAME.
func (c *Config) MailsFrom(get func(string) string) (Mails, error) {
	m := Mails{
		Mailgun: Mailgun{
			APIKey: get(EnvMailgunAPIKey), Domain: get(EnvMailgunDomain), SenderEmail: get(EnvMailgunSenderEmail), APIBase: get(EnvMailgunAPIBase),
		},
		App: App{Name: cmp.Or(get(EnvAppName), c.AppName), PasswordResetURL: get(EnvPasswordResetURL)},
	}
	return m, errors.Join(
		ofForm(EnvMailgunAPIKey, m.APIKey, mailgunKeyForm, "an API key: it has blanks or other characters that no key has. Copy it again from Mailgun"),
		ofForm(EnvMailgunDomain, m.Domain, domainForm, "a domain: set it to the domain at Mailgun, such as mg.example.com, without https:// and path"),
		senderAddress(m.SenderEmail),
		secureURL(EnvMailgunAPIBase, m.APIBase, "the API key is sent there"),
		secureURL(EnvPasswordResetURL, m.PasswordResetURL, "a secret is added to it"),
	)
}

// StripeAccess is how Stripe's API is reached.
type StripeAccess struct{ Key, Base string }

// StripeAccessFrom reads and validates how Stripe's API is reached.
func StripeAccessFrom(get func(string) string) (StripeAccess, error) {
	s := StripeAccess{Key: get(EnvStripeSecretKey), Base: get(EnvStripeAPIBase)}
	return s, StripeAPI(s.Key, s.Base)
}
