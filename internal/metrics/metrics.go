// Package metrics has all metrics of the operator. No label has a value that a client can choose, such as an id: event
// types that are not in the catalogue count as "other".
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// lagBuckets are seconds: a second to three days, which is how long Stripe tries to deliver an event.
var lagBuckets = []float64{.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400, 259200}

// The metrics are registered with controller-runtime's registry, which the metrics endpoint serves.
var (
	// Requests counts requests to the receiver. The reason is "recorded", "duplicate", or why the request was refused.
	Requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_receiver_requests_total",
		Help: "Requests to the receiver, by HTTP status code and reason: recorded, duplicate, or the cause of the refusal.",
	}, []string{"code", "reason"})

	// RequestSeconds is the receiver's time to answer.
	RequestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "tollkeeper_receiver_request_duration_seconds",
		Help:    "Seconds that the receiver took to answer a request, by HTTP status code.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"code"})

	// InFlight is the number of verified requests that the receiver is handling.
	InFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_receiver_requests_in_flight",
		Help: "Requests with a valid signature that the receiver is handling now.",
	})

	// ConnectionsShed counts connections that the receiver closed because they had waited longest and the limit was reached.
	ConnectionsShed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_receiver_connections_shed_total",
		Help: "Idle or slow connections that the receiver closed to make room for new ones.",
	})

	// HandshakesFailed counts connections to the receiver without a completed TLS handshake.
	HandshakesFailed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_receiver_tls_handshakes_failed_total",
		Help: "Connections to the receiver whose TLS handshake failed.",
	})

	// EventsRecorded counts BillingEvents created.
	EventsRecorded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_events_recorded_total",
		Help: "BillingEvents created, by Stripe event type (thin if it is a thin event's, other if it is not handled).",
	}, []string{"type"})

	// EventsWithWarnings counts BillingEvents created without values that cannot be read.
	EventsWithWarnings = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_events_with_warnings_total",
		Help: "BillingEvents created whose payload has values that cannot be read (spec.warnings), by Stripe event type (other if the type is not handled).",
	}, []string{"type"})

	// EventsReopened counts Recorded events that a new version or configuration applies.
	EventsReopened = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_events_reopened_total",
		Help: "Recorded BillingEvents made pending again because this version or configuration handles them. Counted by the leader.",
	})

	// EventOutcomes counts outcomes written.
	EventOutcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_event_outcomes_total",
		Help: "Outcomes written to BillingEvents, by Stripe event type (thin if it is a thin event's, other if it is not handled) and outcome.",
	}, []string{"type", "outcome"})

	// EventAttemptsFailed counts failed attempts that do not end the event.
	EventAttemptsFailed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_event_attempts_failed_total",
		Help: "Failed attempts to handle a BillingEvent that will be retried, by Stripe event type (other if the type is not handled).",
	}, []string{"type"})

	// EventsPending is the number of BillingEvents without an outcome. Only the leader reports it.
	EventsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_pending",
		Help: "BillingEvents that are pending, which means without an outcome. Reported by the leader only.",
	})

	// ThinEventsPending is the number of thin events that Stripe was not asked about yet. Only the leader reports it.
	ThinEventsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_thin_events_pending",
		Help: "Thin events whose content was not read from Stripe yet: without STRIPE_SECRET_KEY they wait until it is set. Reported by the leader only.",
	})

	// ThinEvents counts thin events by what they led to.
	ThinEvents = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_thin_events_total",
		Help: "Thin events by what was read from Stripe: event (the one with the object is recorded), known (it was recorded before), object, not_read (nothing can be read), not_found, not_readable.",
	}, []string{"result"})

	// EventsFailed is the number of BillingEvents that need a person's action. Only the leader reports it.
	EventsFailed = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_failed",
		Help: "BillingEvents with the outcome Failed, apart from those that a person has dismissed. Reported by the leader only.",
	})

	// EventsDismissed is the number of Failed BillingEvents that a person has dealt with. Only the leader reports it.
	EventsDismissed = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_dismissed",
		Help: "BillingEvents with the outcome Failed that a person has dismissed. Reported by the leader only.",
	})

	// OldestPending leaves out young events of unknown customers: they may wait for another event.
	OldestPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_oldest_pending_event_age_seconds",
		Help: "Age of the oldest pending BillingEvent, except events that still wait for their customer to be known. Reported by the leader only.",
	})

	// EventLag is the time from an event's creation at Stripe to its outcome.
	EventLag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tollkeeper_event_lag_seconds",
		Help:    "Seconds from an event's creation at Stripe until its outcome was written.",
		Buckets: lagBuckets,
	})

	// RecordedLag is the time from an event's creation at Stripe to its BillingEvent.
	RecordedLag = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "tollkeeper_event_recorded_lag_seconds",
		Help:    "Seconds from an event's creation at Stripe until its BillingEvent was created, by how the event came: webhook, backfill, thin (read for a thin event). Stripe's times are whole seconds.",
		Buckets: lagBuckets,
	}, []string{"via"})

	// ShownLag is the time from an event's BillingEvent to the statuses that show the event.
	ShownLag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tollkeeper_event_shown_lag_seconds",
		Help:    "Seconds from the creation of a BillingEvent until the statuses of its customer showed it, once for each applied event. Kubernetes' times are whole seconds.",
		Buckets: lagBuckets,
	})

	// Lockouts counts customers who lost their access.
	Lockouts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_lockouts_total",
		Help: "Customers whose Entitled condition changed from True to False, by the new reason.",
	}, []string{"reason"})

	// EntitlementChanges counts changes of customers' Entitled conditions.
	EntitlementChanges = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_entitlement_changes_total",
		Help: "Changes of a Customer's Entitled condition, by its new status and reason.",
	}, []string{"status", "reason"})

	// CustomersOverridden is the number of customers whose access a person decides. Only the leader reports it.
	CustomersOverridden = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_customers_overridden",
		Help: "Customers whose access a person decides now, by spec.override or spec.access, by access: Granted, Denied. Reported by the leader only.",
	}, []string{"access"})

	// OverridesEnded is the number of overrides that have no effect any more. Only the leader reports it.
	OverridesEnded = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_overrides_ended",
		Help: "Customers whose spec.override has ended and was not removed. Reported by the leader only.",
	})

	// StripeAPIRequests counts requests to Stripe's API.
	StripeAPIRequests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_stripe_api_requests_total",
		Help: "Requests to Stripe's API, by resource and HTTP status code (error if Stripe did not answer).",
	}, []string{"resource", "code"})

	// BackfillEvents counts events that backfill listed at Stripe. A failed one cannot be decoded or recorded.
	BackfillEvents = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_backfill_events_total",
		Help: "Events that backfill listed at Stripe, by result: recorded, known (recorded before), ignored (type not handled), failed.",
	}, []string{"result"})

	// BackfillRuns counts runs of backfill.
	BackfillRuns = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_backfill_runs_total",
		Help: "Backfill runs, which look for missed events, by result: complete, failed.",
	}, []string{"result"})

	// BackfillCheckpoint is the time up to which all events of the platform's account are recorded.
	BackfillCheckpoint = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_backfill_checkpoint_timestamp_seconds",
		Help: "Unix time up to which all events of the platform's account are known to be recorded.",
	})

	// BackfillLastSuccess is the time of the last run that was complete but for accounts that Stripe refuses.
	BackfillLastSuccess = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_backfill_last_success_timestamp_seconds",
		Help: "Unix time of the last complete backfill run. Connected accounts that Stripe refuses are left out.",
	})

	// ImportObjects counts objects that the import listed at Stripe.
	ImportObjects = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_import_objects_total",
		Help: "Objects that the import listed at Stripe, by kind and result: imported, ignored (a customer without a Customer, a closed dispute), refused (not readable, or not stored).",
	}, []string{"kind", "result"})

	// ImportComplete is 1 once every account is imported.
	ImportComplete = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_import_complete",
		Help: "1 once every account is imported; 0 before, without a Stripe key and with --import=None. Reported by the leader only.",
	})

	// ImportLastSuccess is the time at which the last import was complete.
	ImportLastSuccess = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_import_last_success_timestamp_seconds",
		Help: "Unix time at which the last import of an account was complete. Reported by the leader only.",
	})

	// Emails counts attempts to send an e-mail.
	Emails = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_emails_total",
		Help: "Attempts to send an e-mail, by purpose and outcome: accepted, not_accepted (will be retried), rejected, unknown, expired (too old to be sent), customer_deleted (not sent), limited (kept back by --mails-per-address).",
	}, []string{"purpose", "outcome"})

	// EmailsUnsent is the number of Emails that may still be sent. Only the leader reports it.
	EmailsUnsent = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_emails_unsent",
		Help: "Emails that are not sent yet and not given up, by the reason of Sent (Pending before the first attempt). Reported by the leader only.",
	}, []string{"reason"})

	// OldestUnsentEmail leaves out Emails that wait although nothing has failed.
	OldestUnsentEmail = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_oldest_unsent_email_age_seconds",
		Help: "Age of the oldest Email that is not sent yet and not given up, except those with the reasons EmailsOff, RecipientLimited and SignupNotConfirmed. Reported by the leader only.",
	})

	// CertificateExpiry is when a certificate that the operator serves expires.
	CertificateExpiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_certificate_expiry_timestamp_seconds",
		Help: "Unix time at which the certificate expires, by what serves it: receiver, metrics; 0 if it cannot be read. Absent for a server without a certificate directory.",
	}, []string{"server"})

	// CertificateLifetime is for how long a certificate was issued.
	CertificateLifetime = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_certificate_lifetime_seconds",
		Help: "Seconds for which the certificate was issued, by what serves it: receiver, metrics; 0 if it cannot be read.",
	}, []string{"server"})
	// Notifications counts attempts to notify the CloudEvents sink.
	Notifications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_notifications_total",
		Help: "Attempts to notify the CloudEvents sink, by result: delivered, unavailable (will be sent again), refused (will be sent again, more slowly); and by HTTP status code if it was not delivered (error if the sink did not answer).",
	}, []string{"result", "code"})

	// NotificationsPending is the number of Customers whose state the sink has not accepted. Only the leader reports it.
	NotificationsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_notifications_pending",
		Help: "Customers whose present state the CloudEvents sink has not accepted yet; 0 without a sink. Reported by the leader only.",
	})

	// NotificationsFailing is the number of Customers whose last attempt failed. Only the leader reports it.
	NotificationsFailing = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_notifications_failing",
		Help: "Customers whose last notification the CloudEvents sink did not accept, by cause: unavailable, refused. Reported by the leader only.",
	}, []string{"cause"})

	// NotificationLag is the time from a change to its delivery.
	NotificationLag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tollkeeper_notification_lag_seconds",
		Help:    "Seconds from a change of a customer's entitlement until the CloudEvents sink accepted it. What changed before there was a sink is left out.",
		Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400},
	})

	// Drift counts status fields that a resync corrected.
	Drift = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_drift_repaired_total",
		Help: "Status fields that differed from Stripe and were corrected, by the object's kind and the field.",
	}, []string{"kind", "field"})

	// Customers is the number of Customers by the condition Entitled. Only the leader reports it.
	Customers = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_customers",
		Help: "Customers, by the status (True, False, Unknown) and the reason of Entitled. Reported by the leader only.",
	}, []string{"entitled", "reason"})

	// OutOfSync is the number of objects that are known not to match Stripe. Only the leader reports it.
	OutOfSync = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_out_of_sync",
		Help: "Objects of which InSync is False, by kind (Customer, Subscription) and reason: Differs, NotInStripe. Reported by the leader only.",
	}, []string{"kind", "reason"})

	// ReadingsRefused counts objects of Stripe's API that were left out of a reading.
	ReadingsRefused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_readings_refused_total",
		Help: "Objects read from Stripe that were not used, by reason: not_readable, other_customer, not_permitted (the key may not read it).",
	}, []string{"reason"})

	// StripeAPIConfigured is 1 with a Stripe key, and 0 without.
	StripeAPIConfigured = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_stripe_api_configured",
		Help: "1 if STRIPE_SECRET_KEY is set; 0 if it is not set, which turns off backfill, resync and every other read from Stripe.",
	})

	// StripeKeyRefused is 1 while Stripe refuses the API key.
	StripeKeyRefused = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_stripe_key_refused",
		Help: "1 while Stripe refuses STRIPE_SECRET_KEY, so that nothing is read from Stripe; else 0.",
	})

	// StripeAccountsRefused is the number of connected accounts that the key has no access to.
	StripeAccountsRefused = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_stripe_accounts_refused",
		Help: "Connected accounts that Stripe refuses to STRIPE_SECRET_KEY, for example because they have disconnected from the platform.",
	})

	// BackfillAccountsRefused is the number of connected accounts whose events cannot be listed.
	BackfillAccountsRefused = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_backfill_accounts_refused",
		Help: "Connected accounts whose events Stripe refused to the key in the last backfill run: their missed events are not recovered. Reported by the leader only.",
	})

	// EndpointProblems counts what is wrong with the webhook endpoint in Stripe.
	EndpointProblems = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_webhook_endpoint_problems",
		Help: "What is wrong with the webhook endpoint in Stripe, by problem: missing_events (handled types that it does not send), disabled, api_version (of another shape than supported), not_found. Reported by the leader only.",
	}, []string{"problem"})

	// EndpointChecked is 1 if the last check of the webhook endpoint could be made.
	EndpointChecked = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_webhook_endpoint_checked",
		Help: "1 if the webhook endpoint in Stripe was checked in the last hour; 0 without a Stripe key that may read webhook endpoints. Reported by the leader only.",
	})
)

func init() {
	metrics.Registry.MustRegister(Collectors()...)
}

// Collectors returns all of them.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{
		Requests, RequestSeconds, InFlight, ConnectionsShed, HandshakesFailed, EventsRecorded, EventsWithWarnings, EventsReopened,
		EventOutcomes, EventAttemptsFailed,
		EventsPending, ThinEventsPending, ThinEvents, EventsFailed, EventsDismissed, OldestPending, RecordedLag, ShownLag, EventLag,
		Lockouts, EntitlementChanges,
		CustomersOverridden, OverridesEnded,
		StripeAPIRequests, BackfillEvents, BackfillRuns, BackfillCheckpoint, BackfillLastSuccess,
		ImportObjects, ImportComplete, ImportLastSuccess, Emails, EmailsUnsent, OldestUnsentEmail,
		Notifications, NotificationsPending, NotificationsFailing, NotificationLag,
		CertificateExpiry, CertificateLifetime, Drift, Customers, OutOfSync, ReadingsRefused,
		EventsArchived, ArchiveBytes, EventsDeleted, EventsStored, EventsStoredBytes, EventsExpectedBytes, OldestKeptEvent, EventRetention,
		RetentionFailing, RetentionLastSuccess,
		StripeAPIConfigured, StripeKeyRefused, StripeAccountsRefused, BackfillAccountsRefused, EndpointProblems, EndpointChecked,
	}
}
