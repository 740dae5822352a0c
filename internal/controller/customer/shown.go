package customer

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// shownLag measures how long recorded events take to show. It counts an event once, although the event is folded again until
// its outcome is written.
type shownLag struct{ measured recent[types.UID] }

// observe takes the events whose statuses are committed now.
func (l *shownLag) observe(events []*pendingEvent, now time.Time) {
	for _, e := range events {
		if e.outcome == v1alpha1.OutcomeApplied && l.measured.add(e.UID) {
			metrics.ShownLag.Observe(max(0, now.Sub(e.CreationTimestamp.Time).Seconds()))
		}
	}
}
