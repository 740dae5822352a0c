package main

import "github.com/tollkeeper/tollkeeper/internal/config"

// flagExamples are the examples in the table of flags: one for each.
var flagExamples = []string{
	"--accounts=acct_1,acct_2",
	"--backfill-interval=5m",
	"--backfill-window=168h",
	"--batch-delay=500ms",
	"--cloudevents-sink=https://app.example.com/hooks/billing",
	"--components=receiver",
	"--connected-emails",
	"--drain-delay=15s",
	"--email-retention=2160h",
	"--emails=false",
	"--endpoint-url=https://billing.example.com/webhooks/stripe",
	"--event-attempts=12",
	"--grace-period-never-paid=24h",
	"--grace-period=336h",
	"--health-probe-bind-address=:8085",
	"--import=All",
	"--leader-elect",
	"--link-timeout=6h",
	"--livemode=true",
	"--log-format=console",
	"--log-level=debug",
	"--mail-max-age=24h",
	"--mail-settle=1h",
	"--mail-templates=/etc/tollkeeper/templates",
	"--mails-per-address=2",
	"--max-in-flight=256",
	"--metadata-prefix=acme_",
	"--metrics-bind-address=:8443",
	"--metrics-cert-path=/etc/tollkeeper/metrics-tls",
	"--metrics-secure=false",
	"--namespace=billing",
	"--on-dispute=Suspend",
	"--on-refund=Suspend",
	"--on-void-pause=AtOnce",
	"--receiver-bind-address=:9443",
	"--receiver-cert-path=/etc/tollkeeper/receiver-tls",
	"--refetch-delay=30s",
	"--reset-token-ttl=2h",
	"--resync-interval=6h",
	"--stripe-api-version=2025-03-31.basil",
	"--trial-leeway=2h",
}

// environmentExamples are the examples in the table of environment variables. Together they are a valid configuration.
var environmentExamples = map[string]string{
	config.EnvStripeEndpointSecret: "whsec_new,whsec_old",
	config.EnvStripeSecretKey:      "rk_live_123",
	config.EnvStripeAPIBase:        "https://stripe-proxy.example.com",
	config.EnvMailgunAPIKey:        "key-123",
	config.EnvMailgunDomain:        "mg.example.com",
	config.EnvMailgunSenderEmail:   "Example <hello@example.com>",
	config.EnvMailgunAPIBase:       "https://api.eu.mailgun.net/v3",
	config.EnvPasswordResetURL:     "https://app.example.com/password",
	config.EnvAppName:              "Example",
	config.EnvPodNamespace:         "tollkeeper-system",

	config.EnvCloudEventsSigningSecret: "whsec_bm90IGEgc2VjcmV0LCBhbiBleGFtcGxl",
}
