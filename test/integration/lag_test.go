package integration

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// Events are measured from Stripe's created to recorded, and from recorded to shown. A cancellation is a lock-out, and
// the e-mail of a sign-up waits for Mailgun's settings.
func TestTheLagAndTheLockoutsAreMeasured(t *testing.T) {
	o := start(t)
	begin := time.Now().Add(-time.Hour)
	active := stripetest.Subscription(stripetest.New, "sub_A", "cus_A", "active", begin, begin.AddDate(0, 1, 0))
	before := samples(t)
	o.send(
		stripetest.Event{ID: "evt_1", Type: "customer.subscription.created", Created: begin, Shape: stripetest.New, Object: active},
		stripetest.Event{
			ID: "evt_2", Type: "checkout.session.completed", Created: begin, Shape: stripetest.New,
			Object: stripetest.Checkout("cs_1", "cus_A", "sub_A", "ada@example.com", begin),
		},
	)
	o.settled()
	o.send(stripetest.Event{
		ID: "evt_3", Type: "customer.subscription.deleted", Created: begin.Add(time.Minute), Shape: stripetest.New,
		Object: active.With("status", "canceled").With("ended_at", begin.Add(time.Minute).Unix()),
	})
	o.settled()
	const labels = `{namespace="ns",pod="a"`
	var got map[string]float64
	want := map[string]float64{"recorded": 3, "an hour before": 3, "shown": 3, "shown within a minute": 3, "locked out": 1, "e-mails": 2}
	o.eventually("everything is measured", func() string {
		now := samples(t)
		since := func(series string) float64 { return now[series] - before[series] }
		const recorded, shown = "tollkeeper_event_recorded_lag_seconds", "tollkeeper_event_shown_lag_seconds"
		got = map[string]float64{
			"recorded":              since(recorded + "_count" + labels + `,via="webhook"}`),
			"shown":                 since(shown + "_count" + labels + "}"),
			"shown within a minute": since(shown + `_bucket` + labels + `,le="60"}`),
			"locked out":            since("tollkeeper_lockouts_total" + labels + `,reason="SubscriptionEnded"}`),
			"e-mails":               now["tollkeeper_emails_unsent"+labels+`,reason="MailgunNotConfigured"}`],
		}
		got["an hour before"] = got["recorded"] - since(recorded+"_bucket"+labels+`,le="1800",via="webhook"}`)
		return cmp.Diff(want, got)
	})
}

// The metrics say when the certificate of the receiver expires, and that of the metrics.
func TestTheExpiryOfCertificatesIsExposed(t *testing.T) {
	receives, exposes := t.TempDir(), t.TempDir()
	certify(t, receives, x509.NewCertPool(), 1)
	certify(t, exposes, x509.NewCertPool(), 2)
	o := start(t, func(c *config.Config) {
		c.ReceiverCertPath, c.MetricsCertPath = receives, exposes
		c.MetricsBindAddress, c.MetricsSecure = freeAddress(t), true
	})
	o.eventually("the expiry is known", func() string {
		now := samples(t)
		for _, server := range []string{"receiver", "metrics"} {
			series := `{namespace="ns",pod="a",server="` + server + `"}`
			expiry, lifetime := now["tollkeeper_certificate_expiry_timestamp_seconds"+series], now["tollkeeper_certificate_lifetime_seconds"+series]
			if expiry < float64(time.Now().Unix()) || lifetime <= 0 {
				return server + " has none"
			}
		}
		return ""
	})
}
