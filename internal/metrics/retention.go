package metrics

import "github.com/prometheus/client_golang/prometheus"

// The metrics of the retention of events. Only the leader reports them.
var (
	// EventsArchived counts the events of verified batches. An event that is archived once more counts again.
	EventsArchived = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_archived_events_total",
		Help: "BillingEvents written to the archive, and read back. One that is archived again, after a crash or a change, counts again. Counted by the leader.",
	})

	// ArchiveBytes is the size of the archive.
	ArchiveBytes = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_archive_bytes",
		Help: "Bytes of all archived BillingEvents, compressed, without their personal data. Reported by the leader only.",
	})

	// EventsDeleted counts events deleted because of their age.
	EventsDeleted = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tollkeeper_events_deleted_total",
		Help: "Settled BillingEvents older than --event-retention that were deleted. Counted by the leader.",
	})

	// EventsStored is the number of settled events in the cluster.
	EventsStored = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_stored",
		Help: "Settled BillingEvents in the cluster (Applied, Recorded, Superseded) at the last look, once an hour. Reported by the leader only.",
	})

	// EventsStoredBytes is how large they are.
	EventsStoredBytes = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_stored_bytes",
		Help: "Bytes of the settled BillingEvents in the cluster, by the mean size of some. Reported by the leader only.",
	})

	// EventsExpectedBytes is how large they will be.
	EventsExpectedBytes = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_events_expected_bytes",
		Help: "Bytes that the BillingEvents in the cluster will have at the rate of the last week: all within --event-retention if older ones are deleted, else in 90 days. Reported by the leader only.",
	})

	// OldestKeptEvent is the age of the oldest settled event.
	OldestKeptEvent = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_oldest_kept_event_age_seconds",
		Help: "Age of the oldest settled BillingEvent in the cluster, since Stripe created it; 0 if there is none. Reported by the leader only.",
	})

	// EventRetention is how long events stay.
	EventRetention = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_event_retention_seconds",
		Help: "Seconds after which settled BillingEvents are deleted; 0 if none is deleted: --event-retention is 0, or --archive-url is not set. Reported by the leader only.",
	})

	// RetentionFailing is 1 while old events cannot be archived and deleted.
	RetentionFailing = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tollkeeper_retention_failing",
		Help: "1 while old BillingEvents cannot be archived and deleted, by cause: archive (it cannot be opened, read or written), refused (the API server refuses deletions, of some or of all), cluster (another error of the API server). Reported by the leader only.",
	}, []string{"cause"})

	// RetentionLastSuccess is the time of the last run that archived and deleted what was due.
	RetentionLastSuccess = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tollkeeper_retention_last_success_timestamp_seconds",
		Help: "Unix time of the last look after which everything that was due was archived and deleted; 0 before the first. Reported by the leader only.",
	})
)

// OfRetention are the gauges that a replica resets when it no longer leads.
func OfRetention() []prometheus.Gauge {
	return []prometheus.Gauge{ArchiveBytes, EventsStored, EventsStoredBytes, EventsExpectedBytes, OldestKeptEvent, EventRetention, RetentionLastSuccess}
}
