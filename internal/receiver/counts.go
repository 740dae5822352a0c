package receiver

import (
	"strconv"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// exposeCounts shows the answers that alerts watch from the start. Prometheus does not see the first increase of a series
// that begins with it, and where Stripe sends three events in an hour, the first one matters.
func exposeCounts() {
	watched := []answer{recordedNow, recordedBefore, notRecorded, overload, notAnEvent("")}
	for _, reason := range []string{reasonAbsent, reasonMalformed, reasonStale, reasonFuture, reasonMismatch} {
		watched = append(watched, badSignature(reason))
	}
	for _, a := range watched {
		metrics.Requests.WithLabelValues(strconv.Itoa(a.code), a.reason)
	}
}
