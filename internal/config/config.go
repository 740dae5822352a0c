// Package config is the operator's configuration: flags and environment, validated once, every error at once.
package config

import (
	"errors"
	"flag"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// Environment variables. One that is set to the empty string counts as not set.
const (
	// EnvStripeEndpointSecret: required by the receiver; the endpoint's signing secret (`whsec_…`), or several separated by commas while one is being rolled.
	EnvStripeEndpointSecret = "STRIPE_ENDPOINT_SECRET"
	// EnvStripeSecretKey: Stripe's API key; without it nothing is fetched from Stripe.
	EnvStripeSecretKey = "STRIPE_SECRET_KEY"
	// EnvStripeAPIBase: scheme and host of Stripe's API, if not `https://api.stripe.com`.
	EnvStripeAPIBase = "STRIPE_API_BASE"
	// EnvMailgunAPIKey: Mailgun's API key; the e-mails wait until this and the next two are set.
	EnvMailgunAPIKey = "MAILGUN_API_KEY"
	// EnvMailgunDomain: the domain at Mailgun that sends.
	EnvMailgunDomain = "MAILGUN_DOMAIN"
	// EnvMailgunSenderEmail: the address that the e-mails are from.
	EnvMailgunSenderEmail = "MAILGUN_SENDER_EMAIL"
	// EnvMailgunAPIBase: Mailgun's API with its version path, if not `https://api.mailgun.net/v3`.
	EnvMailgunAPIBase = "MAILGUN_API_BASE"
	// EnvPasswordResetURL: https URL of your password page, which the reset token is added to.
	EnvPasswordResetURL = "PASSWORD_RESET_URL"
	// EnvAppName: what the e-mails call your application.
	EnvAppName = "APP_NAME"
	// EnvPodNamespace: namespace of all resources if `--namespace` is not given.
	EnvPodNamespace = "POD_NAMESPACE"
)

// maxBackfillWindow is how long Stripe lists its events. See https://docs.stripe.com/api/events.
const maxBackfillWindow = 30 * 24 * time.Hour

// maxResetTokenTTL bounds how long a link that lets somebody in may lie about.
const maxResetTokenTTL = 30 * 24 * time.Hour

// DefaultNamespace holds the resources if neither --namespace nor POD_NAMESPACE says otherwise.
const DefaultNamespace = "tollkeeper-system"

// Config is everything that the operator can be told.
type Config struct {
	// Namespace of all resources.
	Namespace string
	// Components are what this process runs.
	Components Components
	// LeaderElect runs the controllers on one replica at a time.
	LeaderElect bool
	// ReceiverBindAddress is where Stripe's events are taken.
	ReceiverBindAddress string
	// ReceiverCertPath is a folder with tls.crt and tls.key, which are read again when they change; empty for plain HTTP.
	ReceiverCertPath string
	// HealthProbeBindAddress serves /healthz and /readyz; "0" turns it off.
	HealthProbeBindAddress string
	// MetricsBindAddress serves /metrics; "0" turns it off.
	MetricsBindAddress string
	// MetricsSecure serves the metrics over HTTPS, to those whom the API server lets.
	MetricsSecure bool
	// MetricsCertPath is a folder with tls.crt and tls.key for the metrics; empty for a certificate of the process's own making.
	MetricsCertPath string
	// MaxInFlight is how many events the receiver works on at a time.
	MaxInFlight int
	// DrainDelay is how long the receiver goes on answering after it was told to stop.
	DrainDelay time.Duration
	// EventAttempts is how often an event that cannot be handled is tried before it ends Failed.
	EventAttempts int
	// LinkTimeout is how long an event that names no customer waits for one to be found.
	LinkTimeout time.Duration
	// RefetchDelay is how long a doubt about an object waits for the event that clears it, before Stripe is asked.
	RefetchDelay time.Duration
	// BackfillInterval is the time between two looks for missed events; 0 turns them off.
	BackfillInterval time.Duration
	// BackfillWindow is how far back the first look goes.
	BackfillWindow time.Duration
	// ResyncInterval is the time in which every customer is compared with Stripe once; 0 turns the comparison off.
	ResyncInterval time.Duration
	// Livemode is the mode whose events are applied; nil for both. Load sets it.
	Livemode *bool
	// Emails says whether e-mails are sent.
	Emails bool
	// MailMaxAge is how old a sign-up may be that e-mails are still planned for.
	MailMaxAge time.Duration
	// MailSettle is how long Mailgun's log may hide a message that it accepted.
	MailSettle time.Duration
	// MailTemplates is a folder whose files replace the templates of the same name; empty for none.
	MailTemplates string
	// ResetTokenTTL is how long a password-reset link works.
	ResetTokenTTL time.Duration
	// MetadataPrefix selects the Stripe metadata to keep.
	MetadataPrefix string
	// Policy decides about entitlement.
	Policy entitlement.Policy

	// Stripe, Mailgun and App come from the environment.
	Stripe  Stripe
	Mailgun Mailgun
	App     App
}

// Components are the parts of the operator, which may run in processes of their own.
type Components struct {
	// Receiver takes Stripe's events and records them.
	Receiver bool
	// Controllers do everything else.
	Controllers bool
}

// Stripe is how to reach Stripe and to know its events.
type Stripe struct {
	// EndpointSecrets sign the events; at least one.
	EndpointSecrets []string
	// SecretKey is the API key; empty turns refetch and backfill off.
	SecretKey string
	// APIBase replaces https://api.stripe.com.
	APIBase string
}

// Mailgun is how to send e-mail.
type Mailgun struct {
	APIKey, Domain, SenderEmail string
	// APIBase replaces https://api.mailgun.net/v3.
	APIBase string
}

// Configured says whether e-mail can be sent.
func (m Mailgun) Configured() bool { return m.APIKey != "" && m.Domain != "" && m.SenderEmail != "" }

// App is what the e-mails say of the application.
type App struct {
	Name string
	// PasswordResetURL is the https URL that the token is added to.
	PasswordResetURL string
}

// Flags declares the flags on fs. Call Load after they are parsed.
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Namespace, "namespace", "", "Namespace of all resources; else $POD_NAMESPACE, else "+DefaultNamespace+".")
	c.Components = Components{Receiver: true, Controllers: true}
	fs.Func("components", "What this process runs: receiver, controllers or receiver,controllers. (default receiver,controllers)", c.setComponents)
	fs.BoolVar(&c.LeaderElect, "leader-elect", false, "Run the controllers on one replica at a time. Needed with more than one replica.")
	fs.StringVar(&c.ReceiverBindAddress, "receiver-bind-address", ":8080", "Where the receiver takes Stripe's events (POST /webhooks/stripe).")
	fs.StringVar(&c.ReceiverCertPath, "receiver-cert-path", "", "Folder with tls.crt and tls.key for the receiver, read again when they change; empty for HTTP.")
	fs.StringVar(&c.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "Where /healthz and /readyz are served; 0 for nowhere.")
	fs.StringVar(&c.MetricsBindAddress, "metrics-bind-address", "0", "Where /metrics is served, such as :8443; 0 for nowhere.")
	fs.BoolVar(&c.MetricsSecure, "metrics-secure", true, "Serve the metrics over HTTPS, to those whom the API server authorizes.")
	fs.StringVar(&c.MetricsCertPath, "metrics-cert-path", "", "Folder with tls.crt and tls.key for the metrics, read again when they change; empty for a self-signed one.")
	fs.IntVar(&c.MaxInFlight, "max-in-flight", 128, "Events that the receiver works on at a time; beyond it answers 503.")
	fs.DurationVar(&c.DrainDelay, "drain-delay", 5*time.Second, "How long the receiver goes on answering, not ready, after it was told to stop.")
	fs.IntVar(&c.EventAttempts, "event-attempts", 8, "How often an event that cannot be handled is tried, a second later and then twice as long each time, before it ends Failed.")
	fs.DurationVar(&c.LinkTimeout, "link-timeout", time.Hour, "How long an event that names no customer, such as a dispute, waits for one to be found.")
	fs.DurationVar(&c.RefetchDelay, "refetch-delay", 5*time.Second, "How long events that leave a state in doubt wait for those that clear it, before Stripe is asked.")
	fs.DurationVar(&c.BackfillInterval, "backfill-interval", 10*time.Minute, "Time between two looks at Stripe for events that never came; 0 for none.")
	fs.DurationVar(&c.BackfillWindow, "backfill-window", maxBackfillWindow, "How far back the first look goes; Stripe lists the events of 30 days.")
	fs.DurationVar(&c.ResyncInterval, "resync-interval", 24*time.Hour, "Time in which every customer is compared with Stripe once, spread out; 0 for never.")
	fs.Func("livemode", "The mode whose events are applied: true, false, or auto: the Stripe key's, and both without a key. (default auto)", c.setLivemode)
	fs.BoolVar(&c.Emails, "emails", true, "Send e-mails. Off, they are planned and wait.")
	fs.DurationVar(&c.MailMaxAge, "mail-max-age", 96*time.Hour, "How old a sign-up may be that e-mails are planned for: those that a first backfill finds get none.")
	fs.DurationVar(&c.MailSettle, "mail-settle", 30*time.Minute, "How long Mailgun's log may hide a message that it accepted, before one without an answer is sent again.")
	fs.StringVar(&c.MailTemplates, "mail-templates", "", "Folder whose files replace the built-in templates of the same name.")
	fs.DurationVar(&c.ResetTokenTTL, "reset-token-ttl", 24*time.Hour, "How long a password-reset link works.")
	fs.StringVar(&c.MetadataPrefix, "metadata-prefix", "tollkeeper_", "Stripe metadata whose keys begin so is kept, the prefix removed; empty keeps none.")
	fs.DurationVar(&c.Policy.GracePeriod, "grace-period", 168*time.Hour, "How long service goes on after the first failed payment of a run.")
	fs.DurationVar(&c.Policy.TrialLeeway, "trial-leeway", 10*time.Second, "How long after the end of a trial Stripe's word is waited for, before the customer is suspended.")
	c.Policy.OnDispute, c.Policy.OnRefund = entitlement.Record, entitlement.Record
	fs.Func("on-dispute", "What an open dispute does: Record or Suspend. (default Record)", action(&c.Policy.OnDispute))
	fs.Func("on-refund", "What a full refund of the last payment does: Record or Suspend. (default Record)", action(&c.Policy.OnRefund))
}

func action(target *entitlement.Action) func(string) error {
	return func(value string) error {
		allowed := []entitlement.Action{entitlement.Record, entitlement.Suspend}
		if !slices.Contains(allowed, entitlement.Action(value)) {
			return fmt.Errorf("want %s or %s", entitlement.Record, entitlement.Suspend)
		}
		*target = entitlement.Action(value)
		return nil
	}
}

// Load completes the configuration from the environment, which getenv reads, and validates it. It returns every error at once.
func (c *Config) Load(getenv func(string) string) error {
	if c.Namespace == "" {
		c.Namespace = getenv(EnvPodNamespace)
	}
	if c.Namespace == "" {
		c.Namespace = DefaultNamespace
	}
	secrets, err := c.endpointSecrets(getenv(EnvStripeEndpointSecret))
	c.Stripe = Stripe{EndpointSecrets: secrets, SecretKey: getenv(EnvStripeSecretKey), APIBase: getenv(EnvStripeAPIBase)}
	c.Mailgun = Mailgun{
		APIKey:      getenv(EnvMailgunAPIKey),
		Domain:      getenv(EnvMailgunDomain),
		SenderEmail: getenv(EnvMailgunSenderEmail),
		APIBase:     getenv(EnvMailgunAPIBase),
	}
	c.App = App{Name: getenv(EnvAppName), PasswordResetURL: getenv(EnvPasswordResetURL)}
	return errors.Join(err,
		c.livemodeOfKey(),
		positive("--max-in-flight", c.MaxInFlight),
		positive("--event-attempts", c.EventAttempts),
		notNegative("--drain-delay", c.DrainDelay),
		notNegative("--link-timeout", c.LinkTimeout),
		notNegative("--refetch-delay", c.RefetchDelay),
		notNegative("--backfill-interval", c.BackfillInterval),
		within("--backfill-window", c.BackfillWindow, maxBackfillWindow),
		notNegative("--resync-interval", c.ResyncInterval),
		notNegative("--mail-max-age", c.MailMaxAge),
		atLeast("--mail-settle", c.MailSettle, time.Second),
		within("--reset-token-ttl", c.ResetTokenTTL, maxResetTokenTTL),
		sender(c.Mailgun.SenderEmail),
		notNegative("--grace-period", c.Policy.GracePeriod),
		notNegative("--trial-leeway", c.Policy.TrialLeeway),
		baseURL(EnvStripeAPIBase, c.Stripe.APIBase),
		baseURL(EnvMailgunAPIBase, c.Mailgun.APIBase),
		secureURL(EnvPasswordResetURL, c.App.PasswordResetURL),
	)
}

func (c *Config) setComponents(list string) error {
	c.Components = Components{}
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "receiver":
			c.Components.Receiver = true
		case "controllers":
			c.Components.Controllers = true
		default:
			return fmt.Errorf("%q is no component: want receiver, controllers or receiver,controllers", name)
		}
	}
	return nil
}

// endpointSecrets splits the comma-separated list; an empty entry would let anybody sign.
func (c *Config) endpointSecrets(list string) ([]string, error) {
	if list == "" && !c.Components.Receiver {
		return nil, nil
	}
	if list == "" {
		return nil, fmt.Errorf("%s is not set: give the endpoint's signing secret (whsec_…), several separated by commas", EnvStripeEndpointSecret)
	}
	secrets := strings.Split(list, ",")
	for i := range secrets {
		if secrets[i] = strings.TrimSpace(secrets[i]); secrets[i] == "" {
			return nil, fmt.Errorf("%s: entry %d of %d is empty", EnvStripeEndpointSecret, i+1, len(secrets))
		}
	}
	return secrets, nil
}

func (c *Config) setLivemode(value string) error {
	if value == "auto" {
		c.Livemode = nil
		return nil
	}
	live := value == "true"
	if !live && value != "false" {
		return errors.New("want auto, true or false")
	}
	c.Livemode = &live
	return nil
}

// livemodeOfKey completes --livemode=auto: a key reads objects of its own mode only. See https://docs.stripe.com/keys.
func (c *Config) livemodeOfKey() error {
	kind, mode, _ := strings.Cut(c.Stripe.SecretKey, "_")
	mode, _, _ = strings.Cut(mode, "_")
	if kind != "sk" && kind != "rk" || mode != "live" && mode != "test" {
		return nil
	}
	live := mode == "live"
	if c.Livemode == nil {
		c.Livemode = &live
	}
	if *c.Livemode != live {
		return fmt.Errorf("--livemode is %t, but %s is a key of %s mode", *c.Livemode, EnvStripeSecretKey, mode)
	}
	return nil
}

func positive(name string, n int) error {
	if n < 1 {
		return fmt.Errorf("%s is %d: want at least 1", name, n)
	}
	return nil
}

func notNegative(name string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s is %s: want a duration of 0 or more", name, d)
	}
	return nil
}

func atLeast(name string, d, least time.Duration) error {
	if d < least {
		return fmt.Errorf("%s is %s: want at least %s", name, d, least)
	}
	return nil
}

func within(name string, d, most time.Duration) error {
	if d <= 0 || d > most {
		return fmt.Errorf("%s is %s: want more than 0 and at most %s", name, d, most)
	}
	return nil
}

// sender: the address that e-mails are from. Its value is not repeated.
func sender(address string) error {
	if address == "" {
		return nil
	}
	if _, err := mail.ParseAddress(address); err != nil {
		return fmt.Errorf("%s is not an e-mail address", EnvMailgunSenderEmail)
	}
	return nil
}

func baseURL(name, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%s is not a http or https URL", name)
	}
	return nil
}

// secureURL is baseURL for what carries a secret: http is allowed to the own machine only.
func secureURL(name, value string) error {
	if err := baseURL(name, value); err != nil || value == "" {
		return err
	}
	u, _ := url.Parse(value)
	if u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
		return fmt.Errorf("%s must be https: it carries a secret", name)
	}
	return nil
}
