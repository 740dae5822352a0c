package customer

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// rememberedEvents bounds the events that shownLag remembers. An event is folded again only while its outcome is not written.
const rememberedEvents = 16384

// shownLag measures how long recorded events take to show. It counts an event once, although the event is folded again until
// its outcome is written. It is safe for concurrent use.
type shownLag struct {
	mutex   sync.Mutex
	seen    map[types.UID]bool
	ordered []types.UID // the keys of seen; the oldest is at next once there are rememberedEvents
	next    int
}

// observe takes the events whose statuses are committed now.
func (l *shownLag) observe(events []*pendingEvent, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, e := range events {
		if e.outcome == v1alpha1.OutcomeApplied && l.isNew(e.UID) {
			metrics.ShownLag.Observe(max(0, now.Sub(e.CreationTimestamp.Time).Seconds()))
		}
	}
}

// isNew remembers the event, and forgets the oldest one.
func (l *shownLag) isNew(event types.UID) bool {
	if l.seen[event] {
		return false
	}
	if l.seen == nil {
		l.seen = map[types.UID]bool{}
	}
	if len(l.ordered) < rememberedEvents {
		l.ordered = append(l.ordered, event)
	} else {
		delete(l.seen, l.ordered[l.next])
		l.ordered[l.next], l.next = event, (l.next+1)%rememberedEvents
	}
	l.seen[event] = true
	return true
}
