package config

import (
	"flag"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/logging"
)

type env map[string]string

// signed is the smallest valid environment, with more added.
func signed(more env) env {
	e := env{EnvStripeEndpointSecret: "whsec_1"}
	maps.Copy(e, more)
	return e
}

// load does what main does: declare the flags, parse them, read the environment.
func load(e env, args ...string) (Config, error) {
	var c Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c.Flags(flags)
	if err := Parse(flags, args, nil); err != nil {
		return c, err
	}
	return c, c.Load(func(name string) string { return e[name] })
}

// changed is the default configuration with a change.
func changed(change func(*Config)) Config {
	c := Config{
		Namespace:              "tollkeeper-system",
		Components:             Components{Receiver: true, Controllers: true},
		Log:                    logging.Options{Level: logging.Info, Format: logging.JSON},
		ReceiverBindAddress:    ":8080",
		HealthProbeBindAddress: ":8081",
		MetricsBindAddress:     "0",
		MetricsSecure:          true,
		MaxInFlight:            128,
		DrainDelay:             5 * time.Second,
		CountInterval:          10 * time.Second,
		EventAttempts:          8,
		LinkTimeout:            time.Hour,
		BatchDelay:             1500 * time.Millisecond,
		RefetchDelay:           5 * time.Second,
		BackfillInterval:       10 * time.Minute,
		BackfillWindow:         30 * 24 * time.Hour,
		ResyncInterval:         24 * time.Hour,
		Import:                 ImportSubscribers,
		Emails:                 true,
		MailMaxAge:             96 * time.Hour,
		MailSettle:             30 * time.Minute,
		MailsPerAddress:        4,
		ResetTokenTTL:          24 * time.Hour,
		EmailRetention:         720 * time.Hour,
		EventRetention:         1080 * time.Hour,
		EraseDeleted:           NeverErase,
		MetadataPrefix:         "tollkeeper_",
		StripeAPIVersion:       "2026-09-30.endive",
		StripeRateLimit:        10,
		Policy: entitlement.Policy{
			GracePeriod: 7 * 24 * time.Hour, TrialLeeway: entitlement.WaitForStripe,
			OnDispute: entitlement.Record, OnRefund: entitlement.Record, OnVoidPause: entitlement.AtPeriodEnd,
		},
		Stripe: Stripe{EndpointSecrets: []string{"whsec_1"}},
	}
	change(&c)
	return c
}

func TestLoad(t *testing.T) {
	for name, tc := range map[string]struct {
		env  env
		args []string
		want Config
	}{
		"an endpoint secret is enough": {
			env:  signed(nil),
			want: changed(func(*Config) {}),
		},
		"every variable": {
			env: env{
				"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_ENDPOINT_SECRET": "whsec_2", "STRIPE_API_BASE": "http://127.0.0.1:12111",
				"MAILGUN_API_KEY": "key-1", "MAILGUN_DOMAIN": "mg.example.com", "MAILGUN_SENDER_EMAIL": "us@example.com",
				"MAILGUN_API_BASE":   "https://api.eu.mailgun.net/v3",
				"PASSWORD_RESET_URL": "https://app.example.com/reset?token=", "APP_NAME": "Example", "POD_NAMESPACE": "billing",
			},
			want: changed(func(c *Config) {
				c.Namespace = "billing"
				c.Stripe = Stripe{EndpointSecrets: []string{"whsec_2"}, SecretKey: "sk_test_1", APIBase: "http://127.0.0.1:12111"}
				c.Mailgun = Mailgun{
					APIKey: "key-1", Domain: "mg.example.com", SenderEmail: "us@example.com", APIBase: "https://api.eu.mailgun.net/v3",
				}
				c.App = App{Name: "Example", PasswordResetURL: "https://app.example.com/reset?token="}
				c.Livemode = new(false)
			}),
		},
		"the mode of a restricted key": {
			env:  signed(env{"STRIPE_SECRET_KEY": "rk_live_1"}),
			want: changed(func(c *Config) { c.Stripe.SecretKey, c.Livemode = "rk_live_1", new(true) }),
		},
		"keys that tests and old accounts have": {
			env: signed(env{
				"STRIPE_SECRET_KEY": "rk_test_a+/=-", "MAILGUN_API_KEY": "0123456789abcdef-0123-abcd", "MAILGUN_DOMAIN": "localhost",
				"STRIPE_API_BASE": "http://[::1]:1", "MAILGUN_API_BASE": "http://127.8.9.10:2/v3", "MAILGUN_SENDER_EMAIL": "a@localhost",
			}),
			want: changed(func(c *Config) {
				c.Stripe.SecretKey, c.Stripe.APIBase, c.Livemode = "rk_test_a+/=-", "http://[::1]:1", new(false)
				c.Mailgun = Mailgun{
					APIKey: "0123456789abcdef-0123-abcd", Domain: "localhost", SenderEmail: "a@localhost", APIBase: "http://127.8.9.10:2/v3",
				}
			}),
		},
		"a mode without a key": {
			env: signed(nil), args: []string{"--livemode=true"},
			want: changed(func(c *Config) { c.Livemode = new(true) }),
		},
		"the key's mode, also given by the flag": {
			env: signed(env{"STRIPE_SECRET_KEY": "sk_test_1"}), args: []string{"--livemode=false"},
			want: changed(func(c *Config) { c.Stripe.SecretKey, c.Livemode = "sk_test_1", new(false) }),
		},
		"nothing read from Stripe periodically": {
			env: signed(nil), args: []string{"--backfill-interval=0", "--resync-interval=0", "--refetch-delay=0", "--livemode=auto"},
			want: changed(func(c *Config) { c.BackfillInterval, c.ResyncInterval, c.RefetchDelay = 0, 0, 0 }),
		},
		"every flag": {
			env: signed(nil),
			args: []string{
				"--namespace=ns", "--leader-elect", "--receiver-bind-address=:1", "--health-probe-bind-address=0",
				"--metrics-bind-address=:8443", "--metrics-secure=false", "--max-in-flight=1", "--event-attempts=2", "--drain-delay=0s", "--link-timeout=1m",
				"--emails=false", "--mail-max-age=1h", "--mail-settle=1m", "--mail-templates=/templates", "--reset-token-ttl=1h", "--email-retention=0",
				"--backfill-interval=1m", "--backfill-window=1h", "--resync-interval=2h", "--refetch-delay=1s", "--livemode=false",
				"--metadata-prefix=", "--grace-period=0s", "--trial-leeway=2h", "--on-dispute=Suspend", "--on-refund=Suspend",
				"--accounts=acct_1,acct_2", "--connected-emails", "--mails-per-address=0",
				"--on-void-pause=AtOnce", "--import=None", "--grace-period-never-paid=0", "--stripe-api-version=2023-10-16", "--stripe-rate-limit=25",
				"--log-level=debug", "--log-format=console", "--erase-deleted-customers=720h",
			},
			want: changed(func(c *Config) {
				c.StripeAPIVersion, c.StripeRateLimit = "2023-10-16", 25
				c.Log = logging.Options{Level: logging.Debug, Format: logging.Console}
				c.Accounts, c.ConnectedEmails = []string{"acct_1", "acct_2"}, true
				c.Import, c.MailsPerAddress = ImportNone, 0
				c.Namespace, c.LeaderElect = "ns", true
				c.ReceiverBindAddress, c.HealthProbeBindAddress, c.MetricsBindAddress, c.MetricsSecure = ":1", "0", ":8443", false
				c.EventAttempts = 2
				c.MaxInFlight, c.DrainDelay, c.LinkTimeout, c.MetadataPrefix = 1, 0, time.Minute, ""
				c.BackfillInterval, c.BackfillWindow, c.ResyncInterval = time.Minute, time.Hour, 2*time.Hour
				c.RefetchDelay, c.Livemode = time.Second, new(false)
				c.Emails, c.MailMaxAge, c.MailSettle, c.ResetTokenTTL = false, time.Hour, time.Minute, time.Hour
				c.MailTemplates, c.EmailRetention, c.EraseDeleted = "/templates", 0, 720*time.Hour
				c.Policy = entitlement.Policy{
					TrialLeeway: 2 * time.Hour, GracePeriodNeverPaid: new(time.Duration),
					OnDispute: entitlement.Suspend, OnRefund: entitlement.Suspend, OnVoidPause: entitlement.AtOnce,
				}
			}),
		},
		"deleted customers are erased at once": {
			env: signed(nil), args: []string{"--erase-deleted-customers=0s"}, want: changed(func(c *Config) { c.EraseDeleted = 0 }),
		},
		"no customer is erased by itself": {
			env: signed(nil), args: []string{"--erase-deleted-customers=720h", "--erase-deleted-customers=never"}, want: changed(func(*Config) {}),
		},
		"all connected accounts": {
			env: signed(nil), args: []string{"--accounts=*"}, want: changed(func(c *Config) { c.Accounts = []string{"*"} }),
		},
		"blanks around accounts": {
			env: signed(nil), args: []string{"--accounts= acct_1 , *"}, want: changed(func(c *Config) { c.Accounts = []string{"acct_1", "*"} }),
		},
		"no connected account": {
			env: signed(nil), args: []string{"--accounts=acct_1", "--accounts="}, want: changed(func(*Config) {}),
		},
		"the controllers alone need no endpoint secret": {
			args: []string{"--components=controllers"},
			want: changed(func(c *Config) { c.Components.Receiver, c.Stripe.EndpointSecrets = false, nil }),
		},
		"the receiver alone": {
			env: signed(nil), args: []string{"--components=receiver", "--receiver-cert-path=/tls", "--metrics-cert-path=/metrics"},
			want: changed(func(c *Config) {
				c.Components.Controllers, c.ReceiverCertPath, c.MetricsCertPath = false, "/tls", "/metrics"
			}),
		},
		"both, in another order": {
			env: signed(nil), args: []string{"--components=controllers,receiver"},
			want: changed(func(*Config) {}),
		},
		"set to the empty string is not set": {
			env: signed(env{
				"STRIPE_SECRET_KEY": "", "STRIPE_API_BASE": "", "MAILGUN_API_KEY": "", "MAILGUN_DOMAIN": "", "MAILGUN_SENDER_EMAIL": "",
				"MAILGUN_API_BASE": "", "PASSWORD_RESET_URL": "", "APP_NAME": "", "POD_NAMESPACE": "",
			}),
			want: changed(func(*Config) {}),
		},
		"the flag wins over POD_NAMESPACE": {
			env:  signed(env{"POD_NAMESPACE": "pod"}),
			args: []string{"--namespace=flag"},
			want: changed(func(c *Config) { c.Namespace = "flag" }),
		},
		"POD_NAMESPACE wins over an empty flag": {
			env:  signed(env{"POD_NAMESPACE": "pod"}),
			args: []string{"--namespace="},
			want: changed(func(c *Config) { c.Namespace = "pod" }),
		},
		"secrets being rotated": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_new,whsec_old"},
			want: changed(func(c *Config) { c.Stripe.EndpointSecrets = []string{"whsec_new", "whsec_old"} }),
		},
		"blanks around secrets": {
			env:  env{"STRIPE_ENDPOINT_SECRET": " whsec_new ,\twhsec_old\n"},
			want: changed(func(c *Config) { c.Stripe.EndpointSecrets = []string{"whsec_new", "whsec_old"} }),
		},
		"password reset on the local machine, by name": {
			env:  signed(env{"PASSWORD_RESET_URL": "http://localhost:3000/reset"}),
			want: changed(func(c *Config) { c.App.PasswordResetURL = "http://localhost:3000/reset" }),
		},
		"password reset on the local machine, by address": {
			env:  signed(env{"PASSWORD_RESET_URL": "http://127.0.0.1/reset"}),
			want: changed(func(c *Config) { c.App.PasswordResetURL = "http://127.0.0.1/reset" }),
		},
		"password reset on the local machine, by its other address": {
			env:  signed(env{"PASSWORD_RESET_URL": "http://[::1]:3000/reset"}),
			want: changed(func(c *Config) { c.App.PasswordResetURL = "http://[::1]:3000/reset" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(tc.env, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Config (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	noSecret = "STRIPE_ENDPOINT_SECRET is not set: set it to the signing secret of the Stripe endpoint (whsec_…), or to several separated by commas"
	noKey    = "STRIPE_SECRET_KEY is not a secret or restricted key of Stripe (sk_live_…, rk_live_…, sk_test_… or rk_test_…): copy one from Stripe's dashboard, or leave it empty"
	noDomain = "MAILGUN_DOMAIN is not a domain: set it to the domain at Mailgun, such as mg.example.com, without https:// and path"
	notHTTPS = "PASSWORD_RESET_URL must be an https URL, because a secret is added to it (http is allowed for localhost only)"
)

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		env  env
		args []string
		want string
	}{
		"no endpoint secret":       {env: env{}, want: noSecret},
		"an empty endpoint secret": {env: env{"STRIPE_ENDPOINT_SECRET": ""}, want: noSecret},
		"a blank endpoint secret": {
			env:  env{"STRIPE_ENDPOINT_SECRET": " "},
			want: "STRIPE_ENDPOINT_SECRET: entry 1 of 1 is empty: add the secret or remove the comma",
		},
		"first secret empty": {
			env:  env{"STRIPE_ENDPOINT_SECRET": ",whsec_a"},
			want: "STRIPE_ENDPOINT_SECRET: entry 1 of 2 is empty: add the secret or remove the comma",
		},
		"last secret empty": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_a,"},
			want: "STRIPE_ENDPOINT_SECRET: entry 2 of 2 is empty: add the secret or remove the comma",
		},
		"secret in the middle empty": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_a,,whsec_b"},
			want: "STRIPE_ENDPOINT_SECRET: entry 2 of 3 is empty: add the secret or remove the comma",
		},
		"secret in the middle blank": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_a, ,whsec_b"},
			want: "STRIPE_ENDPOINT_SECRET: entry 2 of 3 is empty: add the secret or remove the comma",
		},
		"a comma": {
			env:  env{"STRIPE_ENDPOINT_SECRET": ","},
			want: "STRIPE_ENDPOINT_SECRET: entry 1 of 2 is empty: add the secret or remove the comma",
		},
		"no request in flight": {
			env: signed(nil), args: []string{"--max-in-flight=0"},
			want: "--max-in-flight is 0: want at least 1",
		},
		"negative durations": {
			env:  signed(nil),
			args: []string{"--drain-delay=-1ns", "--link-timeout=-1s", "--grace-period=-1h", "--grace-period-never-paid=-2h"},
			want: "--drain-delay is -1ns: want at least 0s\n" +
				"--link-timeout is -1s: want at least 0s\n" +
				"--grace-period is -1h0m0s: want at least 0s\n" +
				"--grace-period-never-paid is -2h0m0s: want at least 0s",
		},
		"Emails that go before --mail-max-age": {
			env: signed(nil), args: []string{"--mail-max-age=721h", "--email-retention=719h"},
			want: "--mail-max-age is 721h0m0s: want at least 0s and at most 720h0m0s\n" +
				"--email-retention is 719h0m0s: want at least 720h0m0s",
		},
		"e-mails kept for less than no time": {
			env: signed(nil), args: []string{"--mail-max-age=-1s", "--email-retention=-1s"},
			want: "--mail-max-age is -1s: want at least 0s and at most 720h0m0s\n" +
				"--email-retention is -1s: want at least 720h0m0s",
		},
		"fewer than no e-mails": {
			env: signed(nil), args: []string{"--mails-per-address=-1"},
			want: "--mails-per-address is -1: want at least 0",
		},
		"no time for Mailgun's log": {
			env: signed(nil), args: []string{"--mail-settle=999ms"},
			want: "--mail-settle is 999ms: want at least 1s",
		},
		"a window longer than Stripe lists events": {
			env: signed(nil), args: []string{"--backfill-window=721h"},
			want: "--backfill-window is 721h0m0s: want more than 0 and at most 720h0m0s",
		},
		"no window": {
			env: signed(nil), args: []string{"--backfill-window=0"},
			want: "--backfill-window is 0s: want more than 0 and at most 720h0m0s",
		},
		"negative intervals": {
			env: signed(nil), args: []string{"--backfill-interval=-1m", "--resync-interval=-1h", "--refetch-delay=-1s"},
			want: "--refetch-delay is -1s: want at least 0s\n" +
				"--backfill-interval is -1m0s: want at least 0s\n" +
				"--resync-interval is -1h0m0s: want at least 0s",
		},
		"a sender that is not an address": {
			env:  signed(env{"MAILGUN_SENDER_EMAIL": "example.com"}),
			want: "MAILGUN_SENDER_EMAIL is not a valid e-mail address: set it to one, such as Example <hello@example.com>",
		},
		"a link that works for too long": {
			env: signed(nil), args: []string{"--reset-token-ttl=1000h"},
			want: "--reset-token-ttl is 1000h0m0s: want more than 0 and at most 720h0m0s",
		},
		"an account that is none": {
			env: signed(nil), args: []string{"--accounts=acct_1,cus_1"},
			want: `--accounts is "acct_1,cus_1": entry 2 of 2 is not the id of a Stripe account: want acct_…, several separated by commas, or *`,
		},
		"an empty account": {
			env: signed(nil), args: []string{"--accounts=acct_1,"},
			want: `--accounts is "acct_1,": entry 2 of 2 is not the id of a Stripe account: want acct_…, several separated by commas, or *`,
		},
		"an unknown import": {
			env: signed(nil), args: []string{"--import=subscribers"},
			want: `--import is "subscribers": want Subscribers, All or None`,
		},
		"more requests than Stripe allows": {
			env: signed(nil), args: []string{"--stripe-rate-limit=101"},
			want: "--stripe-rate-limit is 101: want at least 1 and at most 100",
		},
		"no request to Stripe": {
			env: signed(nil), args: []string{"--stripe-rate-limit=0"},
			want: "--stripe-rate-limit is 0: want at least 1 and at most 100",
		},
		"an API version of another form": {
			env: signed(nil), args: []string{"--stripe-api-version=latest"},
			want: `--stripe-api-version is "latest": want the form YYYY-MM-DD or YYYY-MM-DD.name, such as 2026-09-30.endive`,
		},
		"an unknown mode": {
			env: signed(nil), args: []string{"--livemode=live"},
			want: `--livemode is "live": want auto, true or false`,
		},
		"a key of the other mode": {
			env: signed(env{"STRIPE_SECRET_KEY": "sk_test_1"}), args: []string{"--livemode=true"},
			want: "--livemode is true, but STRIPE_SECRET_KEY is a test-mode key: change one of them",
		},
		"an unknown action on disputes": {
			env: signed(nil), args: []string{"--on-dispute=suspend"},
			want: `--on-dispute is "suspend": want Record or Suspend`,
		},
		"a grace period without a unit": {
			env: signed(nil), args: []string{"--grace-period-never-paid=24"},
			want: `--grace-period-never-paid is "24": want a duration, such as 24h`,
		},
		"an unknown end of access in a pause": {
			env: signed(nil), args: []string{"--on-void-pause=Never"},
			want: `--on-void-pause is "Never": want AtPeriodEnd or AtOnce`,
		},
		"a negative leeway": {
			args: []string{"--trial-leeway=-1m"},
			want: `--trial-leeway is "-1m": want none or at least 0s`,
		},
		"a leeway that is no duration": {
			args: []string{"--trial-leeway=soon"},
			want: `--trial-leeway is "soon": want none or a duration, such as 2h`,
		},
		"an unknown level of the log": {
			env: signed(nil), args: []string{"--log-level=5"},
			want: `--log-level is "5": want debug, info, warn or error`,
		},
		"an unknown form of the log": {
			env: signed(nil), args: []string{"--log-format=text"},
			want: `--log-format is "text": want json or console`,
		},
		"an unknown component": {
			env: signed(nil), args: []string{"--components=receiver,manager"},
			want: `--components is "receiver,manager": want receiver, controllers or receiver,controllers`,
		},
		"the receiver without a secret": {
			args: []string{"--components=receiver"},
			want: noSecret,
		},
		"an empty action on refunds": {
			env: signed(nil), args: []string{"--on-refund="},
			want: `--on-refund is "": want Record or Suspend`,
		},
		"a host instead of a URL": {
			env:  signed(env{"STRIPE_API_BASE": "api.stripe.com"}),
			want: "STRIPE_API_BASE is not a valid https URL with a host: correct it",
		},
		"a host and port instead of a URL": {
			env:  signed(env{"STRIPE_API_BASE": "localhost:12111"}),
			want: "STRIPE_API_BASE is not a valid https URL with a host: correct it",
		},
		"a URL without a host": {
			env:  signed(env{"MAILGUN_API_BASE": "https:///v3"}),
			want: "MAILGUN_API_BASE is not a valid https URL with a host: correct it",
		},
		"a URL with a port only": {
			env:  signed(env{"MAILGUN_API_BASE": "https://:443/v3"}),
			want: "MAILGUN_API_BASE is not a valid https URL with a host: correct it",
		},
		"a URL of another scheme": {
			env:  signed(env{"MAILGUN_API_BASE": "ftp://api.mailgun.net/v3"}),
			want: "MAILGUN_API_BASE is not a valid https URL with a host: correct it",
		},
		"an unreadable URL": {
			env:  signed(env{"PASSWORD_RESET_URL": "https://app.example.com/%zz"}),
			want: "PASSWORD_RESET_URL is not a valid https URL with a host: correct it",
		},
		"password reset over http": {
			env:  signed(env{"PASSWORD_RESET_URL": "http://app.example.com/reset"}),
			want: notHTTPS,
		},
		"password reset on a host that only looks local": {
			env:  signed(env{"PASSWORD_RESET_URL": "http://localhost.example.com/reset"}),
			want: notHTTPS,
		},
		"password reset on another host, with localhost as the user": {
			env:  signed(env{"PASSWORD_RESET_URL": "http://localhost@example.com/reset"}),
			want: notHTTPS,
		},
		"keys over http": {
			env: signed(env{"STRIPE_API_BASE": "http://stripe-mock:12111", "MAILGUN_API_BASE": "http://127.0.0.1.example.com/v3"}),
			want: "STRIPE_API_BASE must be an https URL, because the API key is sent there (http is allowed for localhost only)\n" +
				"MAILGUN_API_BASE must be an https URL, because the API key is sent there (http is allowed for localhost only)",
		},
		"a key in place of the endpoint secret": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_1,sk_test_1"},
			want: "STRIPE_ENDPOINT_SECRET: entry 2 of 2 is not a signing secret of Stripe (whsec_…): copy it from the endpoint's page in Stripe's dashboard",
		},
		"an endpoint secret that was not filled in": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_"},
			want: "STRIPE_ENDPOINT_SECRET: entry 1 of 1 is not a signing secret of Stripe (whsec_…): copy it from the endpoint's page in Stripe's dashboard",
		},
		"two endpoint secrets without a comma": {
			env:  env{"STRIPE_ENDPOINT_SECRET": "whsec_1 whsec_2"},
			want: "STRIPE_ENDPOINT_SECRET: entry 1 of 1 is not a signing secret of Stripe (whsec_…): copy it from the endpoint's page in Stripe's dashboard",
		},
		"the endpoint secret in place of the key": {env: signed(env{"STRIPE_SECRET_KEY": "whsec_1"}), want: noKey},
		"a publishable key":                       {env: signed(env{"STRIPE_SECRET_KEY": "pk_live_1"}), want: noKey},
		"a key without a mode":                    {env: signed(env{"STRIPE_SECRET_KEY": "sk_1"}), want: noKey},
		"a key with a blank within":               {env: signed(env{"STRIPE_SECRET_KEY": "sk_live_1 2"}), want: noKey},
		"a key with a line break": {
			env:  signed(env{"STRIPE_SECRET_KEY": "sk_live_1\n"}),
			want: "STRIPE_SECRET_KEY has blanks or a line break at its start or end: remove them",
		},
		"a Mailgun key with blanks": {
			env: signed(env{"MAILGUN_API_KEY": "key 1", "MAILGUN_DOMAIN": " mg.example.com"}),
			want: "MAILGUN_API_KEY is not an API key: it has blanks or other characters that no key has. Copy it again from Mailgun\n" +
				"MAILGUN_DOMAIN has blanks or a line break at its start or end: remove them",
		},
		"a URL in place of the domain":      {env: signed(env{"MAILGUN_DOMAIN": "https://mg.example.com"}), want: noDomain},
		"an address in place of the domain": {env: signed(env{"MAILGUN_DOMAIN": "us@mg.example.com"}), want: noDomain},
		"a path in the domain":              {env: signed(env{"MAILGUN_DOMAIN": "../v4/mg.example.com"}), want: noDomain},
		"everything at once": {
			env: env{
				"STRIPE_API_BASE": "x", "MAILGUN_API_BASE": "y", "PASSWORD_RESET_URL": "http://example.com", "STRIPE_ENDPOINT_SECRET": "whsec_a,",
			},
			args: []string{"--max-in-flight=-1", "--grace-period=-1s"},
			want: "STRIPE_ENDPOINT_SECRET: entry 2 of 2 is empty: add the secret or remove the comma\n" +
				"--max-in-flight is -1: want at least 1\n" +
				"--grace-period is -1s: want at least 0s\n" +
				"STRIPE_API_BASE is not a valid https URL with a host: correct it\n" +
				"MAILGUN_API_BASE is not a valid https URL with a host: correct it\n" +
				notHTTPS,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(tc.env, tc.args...)
			if err == nil {
				t.Fatal("want an error")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// Errors at start end up in a log: they name the variable, never its value.
func TestErrorsHoldNoValueOfTheEnvironment(t *testing.T) {
	secret := "hunter2"
	for name, value := range map[string]string{
		"a word":                     secret,
		"a list with an empty entry": secret + ",," + secret,
		"a list with an end missing": secret + ",",
		"not a URL":                  "://" + secret,
		"an unreadable URL":          "https://example.com/%zz" + secret,
		"a URL with a bad port":      "https://example.com:" + secret,
		"a URL with a password":      "ftp://user:" + secret + "@example.com",
		"a URL with http":            "http://user:" + secret + "@example.com/" + secret,
		"control characters":         secret + "\x00\n",
	} {
		t.Run(name, func(t *testing.T) {
			e := env{}
			for _, variable := range []string{
				EnvStripeSecretKey, EnvStripeEndpointSecret, EnvStripeAPIBase, EnvMailgunAPIKey, EnvMailgunDomain, EnvMailgunSenderEmail,
				EnvMailgunAPIBase, EnvPasswordResetURL, EnvAppName,
			} {
				e[variable] = value
			}
			_, err := load(e, "--max-in-flight=0")
			if err == nil {
				t.Fatal("want an error")
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("a value is in the error: %v", err)
			}
		})
	}
}

func TestMailgunConfigured(t *testing.T) {
	for name, tc := range map[string]struct {
		mailgun Mailgun
		want    bool
	}{
		"all":       {Mailgun{APIKey: "k", Domain: "d", SenderEmail: "s"}, true},
		"no key":    {Mailgun{Domain: "d", SenderEmail: "s"}, false},
		"no domain": {Mailgun{APIKey: "k", SenderEmail: "s"}, false},
		"no sender": {Mailgun{APIKey: "k", Domain: "d"}, false},
		"base only": {Mailgun{APIBase: "https://api.eu.mailgun.net/v3"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.mailgun.Configured(); got != tc.want {
				t.Errorf("Configured() = %t, want %t", got, tc.want)
			}
		})
	}
}
