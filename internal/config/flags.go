package config

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/logging"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// Flags declares the flags on fs. Call Load after they are parsed.
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Namespace, "namespace", "", "Namespace of all resources. If empty: $POD_NAMESPACE, else "+DefaultNamespace+".")
	c.Components = Components{Receiver: true, Controllers: true}
	fs.Func("components", "What this process runs: receiver (accepts Stripe's events), controllers (everything else) or receiver,controllers. (default receiver,controllers)", c.setComponents)
	fs.BoolVar(&c.LeaderElect, "leader-elect", false, "Run the controllers on one replica at a time. Required with more than one replica.")
	fs.StringVar(&c.CredentialsDir, "credentials-dir", "", "Directory with a file for each credential, named as its environment variable, such as a mounted Secret. Changes are taken up without a restart. If empty, none.")
	c.Log = logging.Options{Level: logging.Info, Format: logging.JSON}
	fs.Func("log-level", "What is logged: debug, info, warn or error, with everything that is more serious. (default info)", c.setLogLevel)
	fs.Func("log-format", "Form of the log: json (one object a line) or console (for people). (default json)", c.setLogFormat)
	fs.StringVar(&c.ReceiverBindAddress, "receiver-bind-address", ":8080", "Address on which the receiver accepts Stripe's events (POST /webhooks/stripe).")
	fs.StringVar(&c.ReceiverCertPath, "receiver-cert-path", "", "Directory with tls.crt and tls.key for the receiver, reloaded when they change. If empty, the receiver uses plain HTTP.")
	fs.StringVar(&c.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "Address of /healthz and /readyz; 0 turns them off.")
	fs.StringVar(&c.MetricsBindAddress, "metrics-bind-address", "0", "Address of /metrics, such as :8443; 0 turns it off.")
	fs.BoolVar(&c.MetricsSecure, "metrics-secure", true, "Serve the metrics over HTTPS, to clients that the API server authorizes. If false: over plain HTTP, to every client.")
	fs.StringVar(&c.MetricsCertPath, "metrics-cert-path", "", "Directory with tls.crt and tls.key for the metrics, reloaded when they change. If empty, the certificate is self-signed.")
	fs.IntVar(&c.MaxInFlight, "max-in-flight", 128, "How many events the receiver handles at the same time. Further requests get 503, and Stripe sends them again.")
	fs.DurationVar(&c.DrainDelay, "drain-delay", 5*time.Second, "How long the receiver keeps answering after the stop signal. /readyz fails meanwhile, so that traffic moves to other replicas.")
	c.CountInterval = 10 * time.Second
	fs.IntVar(&c.EventAttempts, "event-attempts", 8, "How often an event that fails is tried before its outcome becomes Failed. The second attempt follows after a second; each further delay is twice as long.")
	fs.DurationVar(&c.BatchDelay, "batch-delay", 1500*time.Millisecond, "How long the events of a customer wait for further ones, so that a burst costs one write of each status; what decides access waits a third of it. While many customers wait, it is up to three times as long for those with several waiting events. At most 1m; 0 writes every change at once.")
	fs.DurationVar(&c.LinkTimeout, "link-timeout", time.Hour, "How long an event that names no customer, such as a dispute, waits for its customer to be found. Then it is recorded for the audit trail only.")
	fs.DurationVar(&c.RefetchDelay, "refetch-delay", 5*time.Second, "How long a state that the known events cannot settle waits for further events before the object is read from Stripe.")
	c.Import = ImportSubscribers
	fs.Func("import", "Which customers are imported at the first start with a Stripe key: Subscribers (customers that have or had a subscription), All or None. (default Subscribers)", c.setImport)
	fs.DurationVar(&c.BackfillInterval, "backfill-interval", 10*time.Minute, "Time between two backfills, which record the events that never arrived; 0 turns them off.")
	fs.DurationVar(&c.BackfillWindow, "backfill-window", maxBackfillWindow, "How far back the first backfill goes. Stripe lists events for 30 days, so more is refused.")
	fs.DurationVar(&c.ResyncInterval, "resync-interval", 24*time.Hour, "Time in which every customer is compared with Stripe once, spread evenly; 0 turns this off.")
	c.StripeAPIVersion = stripejson.NewestVersion
	fs.Func("stripe-api-version", "Stripe's API version in which Stripe is read: YYYY-MM-DD or YYYY-MM-DD.name. It need not be that of the endpoint. (default "+stripejson.NewestVersion+")", c.setStripeAPIVersion)
	fs.IntVar(&c.StripeRateLimit, "stripe-rate-limit", 10, "How many requests a second are made to Stripe's API, at most 100. Stripe allows an account 100 a second, and a sandbox 25, for all applications together. Thin events, which are read one by one, come no faster.")
	fs.StringVar(&c.EndpointURL, "endpoint-url", "", "URL of the webhook endpoint in Stripe that leads to this receiver. With a key that may read webhook endpoints, the leader checks once in an hour whether the endpoint sends every event that is handled. If empty: every enabled endpoint whose path ends in /webhooks/stripe is checked.")
	fs.Func("livemode", "Which events are applied: true (live mode), false (test mode and sandboxes), or auto (the mode of the Stripe key, or both without a key). (default auto)", c.setLivemode)
	fs.Func("accounts", "Which connected accounts are let in beside the platform's own: their ids (acct_…), separated by commas, or * for all. Events of others are recorded and not applied; import, backfill and resync leave these accounts out. If empty, none.", c.setAccounts)
	fs.BoolVar(&c.ConnectedEmails, "connected-emails", false, "Also send e-mails to customers of the connected accounts that are let in.")
	fs.BoolVar(&c.Emails, "emails", true, "Send e-mails. If false, they are planned and wait.")
	fs.DurationVar(&c.MailMaxAge, "mail-max-age", 96*time.Hour, "Maximum age of a sign-up for which e-mails are planned, so that a first backfill does not send e-mails to old customers; at most 720h. An e-mail that was not sent by then is never sent.")
	fs.DurationVar(&c.EmailRetention, "email-retention", maxMailAge, "How long an Email stays after it was sent, rejected or too old, and a PasswordReset after it was used or expired; 0 keeps them. At least 720h, so that no e-mail is planned twice.")
	fs.DurationVar(&c.MailSettle, "mail-settle", 30*time.Minute, "How long Mailgun's log may not yet show a message that Mailgun accepted. An attempt without an answer is repeated only after this time; a password reset sooner.")
	fs.IntVar(&c.MailsPerAddress, "mails-per-address", 4, "How many e-mails one address gets in 24 hours, however many customers have it. Further ones wait; 0 for any number.")
	fs.StringVar(&c.MailTemplates, "mail-templates", "", "Directory with files that replace the built-in e-mail templates of the same name.")
	fs.DurationVar(&c.ResetTokenTTL, "reset-token-ttl", 24*time.Hour, "How long a password-reset link works; at most 720h.")
	fs.DurationVar(&c.EventRetention, "event-retention", 45*24*time.Hour, "How long a settled event stays in the cluster after Stripe created it, before it is archived and deleted; 0 keeps events for ever. At least 744h, which is 31 days. Nothing is deleted before --archive-url is set.")
	fs.StringVar(&c.ArchiveURL, "archive-url", "", "Where events are archived before they are deleted: file:///folder, s3://bucket, gs://bucket or azblob://container, with the parameters of gocloud.dev; none deletes them without an archive. If empty, nothing is deleted, and etcd grows with the events.")
	c.EraseDeleted = NeverErase
	fs.Func("erase-deleted-customers", "How long after a customer's deletion at Stripe its personal data is erased from resources and archive by itself, such as 720h; 0s for at once, never for on request only (kubectl tollkeeper erase). What is erased does not come back. (default never)", c.setEraseDeleted)
	fs.StringVar(&c.CloudEventsSink, "cloudevents-sink", "", "URL to which every change of a customer's entitlement is posted as a CloudEvent, signed with CLOUDEVENTS_SIGNING_SECRET: https, or http within the cluster (….svc, ….svc.cluster.local) and the machine. If empty, nothing is posted.")
	fs.StringVar(&c.MetadataPrefix, "metadata-prefix", "tollkeeper_", "Prefix of the Stripe metadata keys that are kept; the prefix is removed. If empty, no metadata is kept.")
	fs.DurationVar(&c.Policy.GracePeriod, "grace-period", 168*time.Hour, "How long a customer keeps service after a subscription became past due. A Customer's spec.gracePeriod overrides it.")
	fs.Func("grace-period-never-paid", "The grace period of a customer that has never paid more than nothing, such as one whose trial ends with a failed payment. A customer that was there before its events were recorded counts as one that has paid. (default --grace-period)", c.setGraceNeverPaid)
	c.Policy.TrialLeeway = entitlement.WaitForStripe
	fs.Func("trial-leeway", "How long after the end of a trial the customer is suspended if Stripe has not reported what follows. With none only Stripe's word suspends; an hour after the end Entitled is Unknown. With a Stripe key the subscription is read when the trial ends. (default none)", c.setTrialLeeway)
	c.Policy.OnDispute, c.Policy.OnRefund = entitlement.Record, entitlement.Record
	fs.Func("on-dispute", "What an open dispute does: Record (show it on the Customer) or Suspend (also suspend the customer). (default Record)", setAction(&c.Policy.OnDispute))
	fs.Func("on-refund", "What a full refund of the payment for the present period does: Record (show it on the Customer) or Suspend (also suspend the customer). (default Record)", setAction(&c.Policy.OnRefund))
	c.Policy.OnVoidPause = entitlement.AtPeriodEnd
	fs.Func("on-void-pause", "When access ends while collection is paused with behavior void: AtPeriodEnd (what was paid for is served, and a trial to its end) or AtOnce. (default AtPeriodEnd)", c.setPauseEnd)
}

func setAction(target *entitlement.Action) func(string) error {
	return func(value string) error {
		action := entitlement.Action(value)
		if action != entitlement.Record && action != entitlement.Suspend {
			return fmt.Errorf("want %s or %s", entitlement.Record, entitlement.Suspend)
		}
		*target = action
		return nil
	}
}

func (c *Config) setPauseEnd(value string) error {
	end := entitlement.PauseEnd(value)
	if end != entitlement.AtPeriodEnd && end != entitlement.AtOnce {
		return fmt.Errorf("want %s or %s", entitlement.AtPeriodEnd, entitlement.AtOnce)
	}
	c.Policy.OnVoidPause = end
	return nil
}

func (c *Config) setGraceNeverPaid(value string) error {
	grace, err := time.ParseDuration(value)
	if err != nil {
		return errors.New("want a duration, such as 24h")
	}
	c.Policy.GracePeriodNeverPaid = &grace
	return nil
}

func (c *Config) setTrialLeeway(value string) error {
	if value == "none" {
		c.Policy.TrialLeeway = entitlement.WaitForStripe
		return nil
	}
	leeway, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return errors.New("want none or a duration, such as 2h")
	case leeway < 0:
		return errors.New("want none or at least 0s")
	}
	c.Policy.TrialLeeway = leeway
	return nil
}

func (c *Config) setStripeAPIVersion(version string) error {
	if !stripejson.IsVersion(version) {
		return errors.New("want the form YYYY-MM-DD or YYYY-MM-DD.name, such as " + stripejson.NewestVersion)
	}
	c.StripeAPIVersion = version
	return nil
}

func (c *Config) setLogLevel(name string) (err error) {
	c.Log.Level, err = logging.ParseLevel(name)
	return err
}

func (c *Config) setLogFormat(name string) (err error) {
	c.Log.Format, err = logging.ParseFormat(name)
	return err
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
			return errors.New("want receiver, controllers or receiver,controllers")
		}
	}
	return nil
}

func (c *Config) setImport(value string) error {
	mode := Import(value)
	if mode != ImportSubscribers && mode != ImportAll && mode != ImportNone {
		return fmt.Errorf("want %s, %s or %s", ImportSubscribers, ImportAll, ImportNone)
	}
	c.Import = mode
	return nil
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
