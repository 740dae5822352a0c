package config

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// maxResetTokenTTL bounds how long a forgotten link still sets a password.
const maxResetTokenTTL = 30 * 24 * time.Hour

// maxMailAge bounds the age of a sign-up that plans e-mails. Stripe lists events for as long. An Email stays for longer, so that no
// setting plans it again.
const maxMailAge = 30 * 24 * time.Hour

// maxBatchDelay bounds how late a status may show what has arrived.
const maxBatchDelay = time.Minute

// Load completes the configuration from the environment, which getenv reads, and validates it. It returns all errors at
// once. They never hold a variable's value, which may be secret.
func (c *Config) Load(getenv func(string) string) error {
	sources, openErr := c.open(getenv)
	get := sources.Get
	c.Namespace = cmp.Or(c.Namespace, get(EnvPodNamespace), DefaultNamespace)
	secrets, err := c.endpointSecrets(get(EnvStripeEndpointSecret), sources.IsUnread(EnvStripeEndpointSecret))
	c.Stripe = Stripe{EndpointSecrets: secrets, SecretKey: get(EnvStripeSecretKey), APIBase: get(EnvStripeAPIBase)}
	c.AppName = getenv(appNameOfConfigMap)
	mails, mailsErr := c.MailsFrom(get)
	c.Mailgun, c.App = mails.Mailgun, mails.App
	signing, signingErr := c.cloudEventsSecrets(get(EnvCloudEventsSigningSecret), sources.IsUnread(EnvCloudEventsSigningSecret))
	c.CloudEventsSecrets = signing
	return errors.Join(openErr,
		err,
		signingErr,
		sinkURL(c.CloudEventsSink),
		c.livemodeOfKey(),
		atLeast("--max-in-flight", c.MaxInFlight, 1),
		atLeast("--event-attempts", c.EventAttempts, 1),
		atLeast("--drain-delay", c.DrainDelay, 0),
		between("--batch-delay", c.BatchDelay, 0, maxBatchDelay),
		atLeast("--link-timeout", c.LinkTimeout, 0),
		atLeast("--refetch-delay", c.RefetchDelay, 0),
		atLeast("--backfill-interval", c.BackfillInterval, 0),
		within("--backfill-window", c.BackfillWindow, maxBackfillWindow),
		atLeast("--resync-interval", c.ResyncInterval, 0),
		between("--stripe-rate-limit", c.StripeRateLimit, 1, maxStripeRate),
		between("--mail-max-age", c.MailMaxAge, 0, maxMailAge),
		c.retention(),
		c.eventRetention(),
		archiveURL(c.ArchiveURL),
		atLeast("--mail-settle", c.MailSettle, time.Second),
		atLeast("--mails-per-address", c.MailsPerAddress, 0),
		within("--reset-token-ttl", c.ResetTokenTTL, maxResetTokenTTL),
		atLeast("--grace-period", c.Policy.GracePeriod, 0),
		c.graceNeverPaid(),
		EndpointURL("--endpoint-url", c.EndpointURL),
		StripeAPI(c.Stripe.SecretKey, c.Stripe.APIBase),
		mailsErr,
	)
}

// endpointSecrets reads the list, which only the receiver needs. isUnread says that its source was not read, which is an error
// already.
func (c *Config) endpointSecrets(list string, isUnread bool) ([]string, error) {
	if list == "" && (isUnread || !c.Components.Receiver) {
		return nil, nil
	}
	return EndpointSecrets(list)
}

// livemodeOfKey resolves --livemode=auto and refuses a key of the other mode. See https://docs.stripe.com/keys.
func (c *Config) livemodeOfKey() error {
	form := stripeKeyForm.FindStringSubmatch(c.Stripe.SecretKey)
	if form == nil {
		return nil
	}
	mode := form[2]
	live := mode == "live"
	if c.Livemode == nil {
		c.Livemode = &live
	}
	if *c.Livemode != live {
		return fmt.Errorf("--livemode is %t, but %s is a %s-mode key: change one of them", *c.Livemode, EnvStripeSecretKey, mode)
	}
	return nil
}

func atLeast[T int | time.Duration](name string, value, least T) error {
	if value < least {
		return fmt.Errorf("%s is %v: want at least %v", name, value, least)
	}
	return nil
}

// maxStripeRate is how many requests a second Stripe allows an account. See https://docs.stripe.com/rate-limits.
const maxStripeRate = 100

func within(name string, d, most time.Duration) error {
	if d <= 0 || d > most {
		return fmt.Errorf("%s is %s: want more than 0 and at most %s", name, d, most)
	}
	return nil
}

func between[T int | time.Duration](name string, value, least, most T) error {
	if value < least || value > most {
		return fmt.Errorf("%s is %v: want at least %v and at most %v", name, value, least, most)
	}
	return nil
}

// retention validates --email-retention. An Email that goes before --mail-max-age would be planned again.
func (c *Config) retention() error {
	if c.EmailRetention == 0 {
		return nil
	}
	return atLeast("--email-retention", c.EmailRetention, maxMailAge)
}

func (c *Config) graceNeverPaid() error {
	if c.Policy.GracePeriodNeverPaid == nil {
		return nil
	}
	return atLeast("--grace-period-never-paid", *c.Policy.GracePeriodNeverPaid, 0)
}
