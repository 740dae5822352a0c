// Package metrics holds every collector of the operator. No label holds an id or anything else that a sender could choose:
// event types that are not in the catalogue count as "other".
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// The collectors, registered with controller-runtime's registry, which the metrics endpoint serves.
var (
	// Requests counts requests to the receiver by HTTP status code and by reason ("recorded", "duplicate", or why it was refused).
	Requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_receiver_requests_total",
		Help: "Requests to the receiver, by HTTP status code and reason.",
	}, []string{"code", "reason"})

	// RequestSeconds is how long the receiver took to answer, by HTTP status code.
	RequestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "tollkeeper_receiver_request_duration_seconds",
		Help:    "Time to answer a request, by HTTP status code.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"code"})

	// InFlight is how many requests the receiver is working on.
	InFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_receiver_requests_in_flight",
		Help: "Requests that the receiver is working on now.",
	})

	// ConnectionsShed counts connections to the receiver that were closed because they had waited longest when there were too many.
	ConnectionsShed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_receiver_connections_shed_total",
		Help: "Idle or slow connections to the receiver that were closed to make room for new ones.",
	})

	// HandshakesFailed counts connections to the receiver on which TLS could not be agreed on.
	HandshakesFailed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_receiver_tls_handshakes_failed_total",
		Help: "Connections to the receiver that ended in their TLS handshake.",
	})

	// EventsRecorded counts BillingEvents created, by Stripe event type ("other" if it is not handled).
	EventsRecorded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_events_recorded_total",
		Help: "BillingEvents created, by Stripe event type.",
	}, []string{"type"})

	// EventOutcomes counts outcomes written, by event type ("other" if it is not handled) and outcome.
	EventOutcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_event_outcomes_total",
		Help: "Outcomes of BillingEvents, by Stripe event type and outcome.",
	}, []string{"type", "outcome"})

	// EventAttemptsFailed counts attempts to handle an event that failed and are repeated, by event type ("other" if it is not handled).
	EventAttemptsFailed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_event_attempts_failed_total",
		Help: "Attempts to handle a BillingEvent that failed and are repeated, by Stripe event type.",
	}, []string{"type"})

	// EventsPending is how many BillingEvents wait for their outcome. Only the leader knows.
	EventsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_pending",
		Help: "BillingEvents that wait for their outcome; told by the leader.",
	})

	// EventsFailed is how many BillingEvents have ended Failed, and wait for a person. Only the leader knows.
	EventsFailed = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_failed",
		Help: "BillingEvents that have ended Failed; told by the leader.",
	})

	// OldestPending is how long the oldest of the pending events that name their customer has waited. Only the leader knows.
	OldestPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_oldest_pending_event_age_seconds",
		Help: "Age of the oldest BillingEvent that names its customer and waits for its outcome; told by the leader.",
	})

	// EventLag is the time from Stripe's creation of an event to its outcome.
	EventLag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tollkeeper_event_lag_seconds",
		Help:    "Time from Stripe's creation of an event until its outcome was written.",
		Buckets: []float64{.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400, 259200},
	})

	// EntitlementChanges counts how often a customer's Entitled condition turned, by its new status and reason.
	EntitlementChanges = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_entitlement_changes_total",
		Help: "Changes of the Entitled condition, by its new status and reason.",
	}, []string{"status", "reason"})

	// StripeAPIRequests counts requests to Stripe's API, by resource and HTTP status code ("error" if there was no answer).
	StripeAPIRequests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_stripe_api_requests_total",
		Help: "Requests to Stripe's API, by resource and HTTP status code (error if there was no answer).",
	}, []string{"resource", "code"})

	// BackfillEvents counts events that a look for missed ones has listed, by what became of them: recorded, known before, ignored (of a
	// type that is not handled) or failed (no event).
	BackfillEvents = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_backfill_events_total",
		Help: "Events listed by looks for missed ones, by result: recorded, known, ignored, failed.",
	}, []string{"result"})

	// BackfillRuns counts looks for missed events, by how they ended: complete or failed.
	BackfillRuns = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_backfill_runs_total",
		Help: "Looks for missed events, by result: complete, failed.",
	}, []string{"result"})

	// BackfillCheckpoint is up to when the platform's events are recorded.
	BackfillCheckpoint = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_backfill_checkpoint_timestamp_seconds",
		Help: "Time of the newest event of the platform's account of which all before are known to be recorded.",
	})

	// BackfillLastSuccess is when the last look for missed events was complete.
	BackfillLastSuccess = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_backfill_last_success_timestamp_seconds",
		Help: "Time at which the last look for missed events was complete.",
	})

	// Emails counts attempts to send e-mails, by purpose and outcome: accepted, not_accepted, rejected or unknown.
	Emails = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_emails_total",
		Help: "Attempts to send e-mails, by purpose and outcome: accepted, not_accepted, rejected, unknown.",
	}, []string{"purpose", "outcome"})

	// Drift counts fields that showed something else than Stripe had and were repaired, by the object's kind and the field.
	Drift = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollkeeper_drift_repaired_total",
		Help: "Fields that showed something else than Stripe had and were repaired, by the object's kind and the field.",
	}, []string{"kind", "field"})

	// StripeAPIConfigured is 1 if a Stripe key is set, so that missed events can be fetched, else 0.
	StripeAPIConfigured = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_stripe_api_configured",
		Help: "1 if STRIPE_SECRET_KEY is set, 0 if refetch and backfill are off for want of it.",
	})
)

func init() {
	metrics.Registry.MustRegister(Collectors()...)
}

// Collectors lists them all.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{
		Requests, RequestSeconds, InFlight, ConnectionsShed, HandshakesFailed, EventsRecorded, EventOutcomes, EventAttemptsFailed,
		EventsPending, EventsFailed, OldestPending, EventLag, EntitlementChanges,
		StripeAPIRequests, BackfillEvents, BackfillRuns, BackfillCheckpoint, BackfillLastSuccess, Emails, Drift, StripeAPIConfigured,
	}
}
