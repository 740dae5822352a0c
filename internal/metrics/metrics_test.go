package metrics

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// used returns the collectors after giving each that has labels a first value: without one it exposes nothing.
func used() []prometheus.Collector {
	Requests.WithLabelValues("200", "recorded")
	RequestSeconds.WithLabelValues("200")
	EventsRecorded.WithLabelValues("other")
	EventsWithWarnings.WithLabelValues("other")
	EventOutcomes.WithLabelValues("other", "Applied")
	EventAttemptsFailed.WithLabelValues("other")
	EntitlementChanges.WithLabelValues("True", "Trialing")
	CustomersOverridden.WithLabelValues("Granted")
	StripeAPIRequests.WithLabelValues("events", "200")
	BackfillEvents.WithLabelValues("recorded")
	Emails.WithLabelValues("Welcome", "accepted")
	CredentialInfo.WithLabelValues("STRIPE_SECRET_KEY", "00000000")
	CredentialNotUsed.WithLabelValues("STRIPE_SECRET_KEY", "invalid")
	Notifications.WithLabelValues("delivered", "")
	NotificationsFailing.WithLabelValues("refused")
	BackfillRuns.WithLabelValues("complete")
	ImportObjects.WithLabelValues("subscription", "imported")
	Drift.WithLabelValues("subscription", "status")
	Customers.WithLabelValues("True", "Trialing")
	OutOfSync.WithLabelValues("Customer", "Differs")
	ReadingsRefused.WithLabelValues("other_customer")
	EndpointProblems.WithLabelValues("disabled")
	ThinEvents.WithLabelValues("event")
	RecordedLag.WithLabelValues("webhook")
	Lockouts.WithLabelValues("PaymentFailed")
	EmailsUnsent.WithLabelValues("Retrying")
	CertificateExpiry.WithLabelValues("receiver")
	CertificateLifetime.WithLabelValues("receiver")
	RetentionFailing.WithLabelValues("archive")
	return Collectors()
}

func TestCollectorsAreCleanAndExplained(t *testing.T) {
	for _, collector := range used() {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(collector)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if len(families) != 1 {
			t.Fatalf("%d families of one collector: add it to used", len(families))
		}
		name, help := families[0].GetName(), families[0].GetHelp()
		if !strings.HasPrefix(name, "tollkeeper_") {
			t.Errorf("%s lacks the prefix tollkeeper_", name)
		}
		if !strings.HasSuffix(help, ".") {
			t.Errorf("%s: help %q does not end with a full stop", name, help)
		}
		problems, err := promlint.NewWithMetricFamilies(families).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range problems {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

// A label with an id would make a series for every customer. This test lists all labels that are allowed.
func TestLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(used()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, family := range families {
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		got[family.GetName()] = labels
	}
	want := map[string][]string{
		"tollkeeper_receiver_requests_total":                  {"code", "reason"},
		"tollkeeper_event_attempts_failed_total":              {"type"},
		"tollkeeper_events_pending":                           nil,
		"tollkeeper_events_dismissed":                         nil,
		"tollkeeper_events_failed":                            nil,
		"tollkeeper_thin_events_pending":                      nil,
		"tollkeeper_thin_events_total":                        {"result"},
		"tollkeeper_import_complete":                          nil,
		"tollkeeper_import_last_success_timestamp_seconds":    nil,
		"tollkeeper_import_objects_total":                     {"kind", "result"},
		"tollkeeper_notification_lag_seconds":                 nil,
		"tollkeeper_notifications_failing":                    {"cause"},
		"tollkeeper_notifications_pending":                    nil,
		"tollkeeper_erasures_waiting":                         nil,
		"tollkeeper_erasures_failing":                         nil,
		"tollkeeper_notifications_total":                      {"code", "result"},
		"tollkeeper_oldest_pending_event_age_seconds":         nil,
		"tollkeeper_overrides_ended":                          nil,
		"tollkeeper_readings_refused_total":                   {"reason"},
		"tollkeeper_receiver_connections_shed_total":          nil,
		"tollkeeper_receiver_tls_handshakes_failed_total":     nil,
		"tollkeeper_receiver_request_duration_seconds":        {"code"},
		"tollkeeper_receiver_requests_in_flight":              nil,
		"tollkeeper_events_recorded_total":                    {"type"},
		"tollkeeper_events_with_warnings_total":               {"type"},
		"tollkeeper_events_reopened_total":                    nil,
		"tollkeeper_event_outcomes_total":                     {"outcome", "type"},
		"tollkeeper_event_lag_seconds":                        nil,
		"tollkeeper_event_recorded_lag_seconds":               {"via"},
		"tollkeeper_event_shown_lag_seconds":                  nil,
		"tollkeeper_lockouts_total":                           {"reason"},
		"tollkeeper_emails_unsent":                            {"reason"},
		"tollkeeper_oldest_unsent_email_age_seconds":          nil,
		"tollkeeper_certificate_expiry_timestamp_seconds":     {"server"},
		"tollkeeper_certificate_lifetime_seconds":             {"server"},
		"tollkeeper_credential_info":                          {"name", "sha256"}, // bounded: the secrets in use, which are at most 16 for each variable
		"tollkeeper_credential_not_used":                      {"name", "reason"},
		"tollkeeper_entitlement_changes_total":                {"reason", "status"},
		"tollkeeper_stripe_api_requests_total":                {"code", "resource"},
		"tollkeeper_stripe_api_configured":                    nil,
		"tollkeeper_stripe_key_refused":                       nil,
		"tollkeeper_stripe_accounts_refused":                  nil,
		"tollkeeper_archive_bytes":                            nil,
		"tollkeeper_archived_events_total":                    nil,
		"tollkeeper_event_retention_seconds":                  nil,
		"tollkeeper_events_deleted_total":                     nil,
		"tollkeeper_events_expected_bytes":                    nil,
		"tollkeeper_events_stored":                            nil,
		"tollkeeper_events_stored_bytes":                      nil,
		"tollkeeper_oldest_kept_event_age_seconds":            nil,
		"tollkeeper_retention_failing":                        {"cause"},
		"tollkeeper_retention_last_success_timestamp_seconds": nil,
		"tollkeeper_backfill_accounts_refused":                nil,
		"tollkeeper_webhook_endpoint_checked":                 nil,
		"tollkeeper_webhook_endpoint_problems":                {"problem"},
		"tollkeeper_emails_total":                             {"outcome", "purpose"},
		"tollkeeper_customers_overridden":                     {"access"},
		"tollkeeper_drift_repaired_total":                     {"field", "kind"},
		"tollkeeper_customers":                                {"entitled", "reason"},
		"tollkeeper_out_of_sync":                              {"kind", "reason"},

		"tollkeeper_backfill_events_total":                   {"result"},
		"tollkeeper_backfill_runs_total":                     {"result"},
		"tollkeeper_backfill_checkpoint_timestamp_seconds":   nil,
		"tollkeeper_backfill_last_success_timestamp_seconds": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels by collector (-want +got):\n%s", diff)
	}
}

func TestCollectorsAreServed(t *testing.T) {
	for _, collector := range Collectors() {
		if err := metrics.Registry.Register(collector); err == nil {
			t.Errorf("%T was not registered", collector)
		}
	}
}
