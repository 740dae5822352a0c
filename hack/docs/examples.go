package main

import "github.com/tollkeeper/tollkeeper/internal/config"

// flagExamples are the examples in the table of flags, for the flags whose use the default does not show.
var flagExamples = []string{
	"--accounts=acct_1,acct_2",
	"--backfill-interval=5m",
	"--cloudevents-sink=https://app.example.com/hooks/billing",
	"--components=receiver",
	"--emails=false",
	"--endpoint-url=https://billing.example.com/webhooks/stripe",
	"--grace-period-never-paid=24h",
	"--grace-period=336h",
	"--import=All",
	"--livemode=true",
	"--log-format=console",
	"--log-level=debug",
	"--mail-templates=/etc/tollkeeper/templates",
	"--max-in-flight=256",
	"--metadata-prefix=acme_",
	"--metrics-bind-address=:8443",
	"--metrics-cert-path=/etc/tollkeeper/metrics-tls",
	"--namespace=billing",
	"--on-dispute=Suspend",
	"--on-refund=Suspend",
	"--on-void-pause=AtOnce",
	"--receiver-cert-path=/etc/tollkeeper/receiver-tls",
	"--reset-token-ttl=2h",
	"--resync-interval=6h",
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
