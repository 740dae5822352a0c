// Package config reads the operator's configuration from flags and the environment. It reports all errors at once.
package config

import (
	"time"

	"github.com/tollkeeper/tollkeeper/internal/credentials"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/logging"
)

// Environment variables. A variable that is set to the empty string counts as not set.
const (
	// EnvStripeEndpointSecret: the signing secret of the Stripe endpoint (`whsec_…`), or several separated by commas
	// during a rotation. Required by the receiver.
	EnvStripeEndpointSecret = "STRIPE_ENDPOINT_SECRET"
	// EnvStripeSecretKey: Stripe's API key (`rk_live_…`, `sk_live_…`, or with `test`). Without it nothing is read from Stripe: missed
	// events are not recovered, doubts stay, and [thin events](events.md#thin-events) wait.
	EnvStripeSecretKey = "STRIPE_SECRET_KEY"
	// EnvStripeAPIBase: scheme and host of Stripe's API. The key is sent there: https, or http on the local machine.
	// Default: `https://api.stripe.com`.
	EnvStripeAPIBase = "STRIPE_API_BASE"
	// EnvMailgunAPIKey: Mailgun's API key. E-mails wait until this variable and the next two are set.
	EnvMailgunAPIKey = "MAILGUN_API_KEY"
	// EnvMailgunDomain: the domain at Mailgun that the e-mails are sent from.
	EnvMailgunDomain = "MAILGUN_DOMAIN"
	// EnvMailgunSenderEmail: the sender's address of the e-mails.
	EnvMailgunSenderEmail = "MAILGUN_SENDER_EMAIL"
	// EnvMailgunAPIBase: URL of Mailgun's API, with its version path. The key is sent there: https, or http on the local
	// machine. Default: `https://api.mailgun.net/v3`. For the EU: `https://api.eu.mailgun.net/v3`.
	EnvMailgunAPIBase = "MAILGUN_API_BASE"
	// EnvPasswordResetURL: https URL of your page for choosing a password (http on the local machine only). The reset token is added to it.
	// Password-reset e-mails wait until it is set.
	EnvPasswordResetURL = "PASSWORD_RESET_URL"
	// EnvAppName: the name of your application in the e-mails. Default: the Mailgun domain.
	EnvAppName = "APP_NAME"
	// EnvCloudEventsSigningSecret: the secret that signs [notifications](notifications.md#the-signature): `whsec_` and 24 to 64 random
	// bytes in base64, or several separated by commas during a rotation. Required with `--cloudevents-sink`.
	EnvCloudEventsSigningSecret = "CLOUDEVENTS_SIGNING_SECRET"
	// EnvPodNamespace: the namespace of all resources if `--namespace` is not given.
	EnvPodNamespace = "POD_NAMESPACE"
)

// maxBackfillWindow is how long Stripe lists events. See https://docs.stripe.com/api/events.
const maxBackfillWindow = 30 * 24 * time.Hour

// DefaultNamespace is the namespace of all resources if neither --namespace nor POD_NAMESPACE is set.
const DefaultNamespace = "tollkeeper-system"

// Config is the operator's whole configuration. The help texts in flags.go describe the fields that flags set.
type Config struct {
	Namespace   string
	Components  Components
	LeaderElect bool
	Log         logging.Options

	ReceiverBindAddress    string
	ReceiverCertPath       string // empty for plain HTTP
	HealthProbeBindAddress string // "0" for none
	MetricsBindAddress     string // "0" for none
	MetricsSecure          bool
	MetricsCertPath        string // empty for a self-signed certificate
	MaxInFlight            int
	DrainDelay             time.Duration
	// CountInterval is the time between two counts of events, Customers and notifications for the metrics. Tests shorten it; no flag does.
	CountInterval time.Duration

	EventAttempts int
	// BatchDelay is how long a customer's events wait for further ones before statuses are written.
	BatchDelay       time.Duration
	LinkTimeout      time.Duration
	RefetchDelay     time.Duration
	BackfillInterval time.Duration // 0 turns the backfill off
	BackfillWindow   time.Duration
	ResyncInterval   time.Duration // 0 turns the periodic resync off
	Import           Import
	// StripeAPIVersion is the API version in which Stripe is read.
	StripeAPIVersion string
	// StripeRateLimit is how many requests a second are made to Stripe's API.
	StripeRateLimit int
	// EndpointURL is the URL of the webhook endpoint in Stripe, for its check; empty to check every endpoint whose path is that of
	// the receiver.
	EndpointURL string
	// StripeProbe is the pause before Stripe is asked again after it refused the key or an account; 0 for a minute. No flag sets
	// it: tests do.
	StripeProbe time.Duration
	// Livemode is the mode whose events are applied; nil for both. For --livemode=auto, Load sets it to the key's mode.
	Livemode *bool
	// Accounts are the ids of the connected accounts that are let in; "*" stands for all of them.
	Accounts       []string
	MetadataPrefix string
	// Policy of the decision whether a customer is entitled.
	Policy entitlement.Policy

	Emails bool
	// ConnectedEmails has customers of connected accounts sent e-mails, too.
	ConnectedEmails bool
	MailMaxAge      time.Duration
	MailSettle      time.Duration
	// MailsPerAddress is how many messages one address gets in 24 hours; 0 for any number.
	MailsPerAddress int
	MailTemplates   string // empty for the built-in templates
	ResetTokenTTL   time.Duration
	// EmailRetention is how long settled Emails and PasswordResets stay; 0 keeps them.
	EmailRetention time.Duration

	// EraseDeleted is how long after its deletion at Stripe a customer's personal data is erased; NeverErase if it is not.
	EraseDeleted time.Duration

	// EventRetention is how long settled events stay in the cluster after Stripe created them; 0 keeps them for ever.
	EventRetention time.Duration
	// ArchiveURL is where they are archived before they are deleted; ArchiveNone to delete them without, empty to delete none.
	ArchiveURL string

	// CloudEventsSink is the URL that is notified of changes of entitlement; empty to notify none.
	CloudEventsSink string

	// CredentialsDir is a directory with a file for each credential; empty for none.
	CredentialsDir string
	// Credentials are where the values of the variables come from, if some of them come from files, which may change; else nil.
	Credentials *credentials.Sources
	// AppName is the name of the application in the ConfigMap, in place of which APP_NAME may have another one.
	AppName string

	// Stripe, Mailgun, App and CloudEventsSecrets come from the environment or from files.
	Stripe  Stripe
	Mailgun Mailgun
	App     App
	// CloudEventsSecrets sign the notifications; at least one if there is a sink.
	CloudEventsSecrets [][]byte
}

// Import is whom the import puts into the cluster.
type Import string

// The values of --import.
const (
	ImportSubscribers Import = "Subscribers"
	ImportAll         Import = "All"
	ImportNone        Import = "None"
)

// Components are the parts of the operator. They can run in separate processes.
type Components struct {
	// Receiver accepts Stripe's events and records them.
	Receiver bool
	// Controllers do everything else.
	Controllers bool
}

// Stripe is the configuration of Stripe's endpoint and API.
type Stripe struct {
	// EndpointSecrets verify the events' signatures; at least one if this process runs the receiver.
	EndpointSecrets []string
	// SecretKey is the API key; empty turns everything off that reads from Stripe.
	SecretKey string
	// APIBase replaces https://api.stripe.com if it is not empty.
	APIBase string
}

// Mailgun is the configuration of Mailgun's API.
type Mailgun struct {
	APIKey, Domain, SenderEmail string
	// APIBase replaces https://api.mailgun.net/v3 if it is not empty.
	APIBase string
}

// Configured reports whether e-mails can be sent.
func (m Mailgun) Configured() bool { return m.APIKey != "" && m.Domain != "" && m.SenderEmail != "" }

// App is how the e-mails present the application.
type App struct {
	Name string
	// PasswordResetURL is the https URL that the token is added to.
	PasswordResetURL string
}
