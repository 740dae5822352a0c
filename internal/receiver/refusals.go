package receiver

import (
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// refusalInterval is the time between two lines about refusals for the same reason. Anyone can be refused any number of
// times, and the metric counts each.
const refusalInterval = time.Minute

// refusals logs that signatures are refused, and why, at a bounded rate.
type refusals struct {
	log   logr.Logger
	clock clock.PassiveClock

	mutex sync.Mutex
	kinds map[string]*refusalKind // by reason: there are five
}

// refusalKind is what is known of one reason.
type refusalKind struct {
	loggedAt time.Time
	more     int // refusals since then
}

// note logs a refusal, unless one for the same reason was logged a moment ago. Then it counts it for the next line.
func (r *refusals) note(reason string) {
	if !strings.HasPrefix(reason, "signature_") {
		return
	}
	now := r.clock.Now()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	kind := r.kinds[reason]
	if kind == nil {
		kind = &refusalKind{}
		r.kinds[reason] = kind
	}
	kind.more++
	if !kind.loggedAt.IsZero() && now.Sub(kind.loggedAt) < refusalInterval {
		return
	}
	r.log.Info("Refused requests whose signature is not valid", "reason", reason, "count", kind.more)
	kind.loggedAt, kind.more = now, 0
}
