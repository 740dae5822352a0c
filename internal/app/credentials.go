package app

import (
	"fmt"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/credentials"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

// credentialsInUse are the current values of the credentials that this process uses.
type credentialsInUse struct {
	endpoint *credentials.Value[[]string]
	stripe   *credentials.Value[config.StripeAccess]
	mails    *credentials.Value[config.Mails]
	signing  *credentials.Value[[][]byte]

	mailsChanged func() // nil while nothing sends e-mails
}

// addCredentials adds what takes up changed credentials: those that this process uses.
func (a *App) addCredentials(cfg config.Config) error {
	store := credentials.New(cfg.Credentials, a.manager.GetLogger().WithName("credentials"))
	a.credentials = &credentialsInUse{}
	if cfg.Components.Receiver {
		a.credentials.addEndpointSecrets(store, cfg)
	}
	if cfg.Components.Controllers {
		if err := a.addStripeKey(store, cfg); err != nil {
			return err
		}
		a.credentials.addMails(store, cfg)
		a.credentials.addSigningSecrets(store, cfg)
	}
	if err := a.manager.Add(store); err != nil {
		return fmt.Errorf("add the watch of the credentials: %w", err)
	}
	return nil
}

func (c *credentialsInUse) addEndpointSecrets(store *credentials.Store, cfg config.Config) {
	c.endpoint = credentials.Add(store, credentials.Group[[]string]{
		Names: []string{config.EnvStripeEndpointSecret},
		Parse: func(get func(string) string) ([]string, error) {
			return config.EndpointSecrets(get(config.EnvStripeEndpointSecret))
		},
		Secrets: func(secrets []string) map[string][]string {
			return map[string][]string{config.EnvStripeEndpointSecret: secrets}
		},
	}, cfg.Stripe.EndpointSecrets)
}

func (c *credentialsInUse) addSigningSecrets(store *credentials.Store, cfg config.Config) {
	if cfg.CloudEventsSink == "" {
		return
	}
	const name = config.EnvCloudEventsSigningSecret
	c.signing = credentials.Add(store, credentials.Group[[][]byte]{
		Names: []string{name},
		Parse: func(get func(string) string) ([][]byte, error) { return config.SigningSecrets(get(name)) },
		Secrets: func(secrets [][]byte) map[string][]string {
			texts := make([]string, 0, len(secrets))
			for _, secret := range secrets {
				texts = append(texts, config.SigningSecretText(secret))
			}
			return map[string][]string{name: texts}
		},
	}, cfg.CloudEventsSecrets)
}

// addMails adds the settings of the e-mails. Emails that wait are tried when they change, so that sending can begin without a
// restart.
func (c *credentialsInUse) addMails(store *credentials.Store, cfg config.Config) {
	c.mails = credentials.Add(store, credentials.Group[config.Mails]{
		Names: []string{
			config.EnvMailgunAPIKey, config.EnvMailgunDomain, config.EnvMailgunSenderEmail, config.EnvMailgunAPIBase,
			config.EnvPasswordResetURL, config.EnvAppName,
		},
		Parse: config.MailsFrom,
		Secrets: func(m config.Mails) map[string][]string {
			return credentials.Single(map[string]string{
				config.EnvMailgunAPIKey: m.APIKey, config.EnvMailgunDomain: m.Domain, config.EnvMailgunSenderEmail: m.SenderEmail,
				config.EnvMailgunAPIBase: m.APIBase, config.EnvPasswordResetURL: m.PasswordResetURL, config.EnvAppName: m.Name,
			})
		},
		Changed: func() {
			if c.mailsChanged != nil {
				c.mailsChanged()
			}
		},
	}, config.Mails{Mailgun: cfg.Mailgun, App: cfg.App})
}

// mailgun returns the settings of Mailgun that are in use.
func (c *credentialsInUse) mailgun() mail.Settings {
	m := c.mails.Get()
	return mail.Settings{Domain: m.Domain, Key: m.APIKey, From: m.SenderEmail, Base: m.APIBase}
}
