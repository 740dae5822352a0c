package retention

import (
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
)

// sayReached says once that the archive can be reached, and when events leave the cluster next: it may take weeks until something is
// written, and an empty bucket would look like a mistake.
func (r *Retention) sayReached(state archivehead.State, found *look, now time.Time) {
	if r.hasSaid {
		return
	}
	r.hasSaid = true
	values := []any{"retention", r.Keep.String(), "batch", state.Head.Batch}
	if due := nextDue(found, r.Keep, now); !due.IsZero() {
		values = append(values, "due", due.UTC().Format(time.RFC3339))
	}
	if r.URL == config.ArchiveNone {
		r.Log.Info("Old events are deleted without an archive", values...)
		return
	}
	r.Log.Info("The archive can be reached; events are written to it when they are due", append(values, "archive", archiveName(r.URL))...)
}

// nextDue is when the oldest settled event is old enough to leave: at the earliest, because what an event is about may keep it longer
// (rules.go). It is now if one is old enough, and zero if there is no settled event.
func nextDue(found *look, keep time.Duration, now time.Time) time.Time {
	if found.oldest.IsZero() {
		return time.Time{}
	}
	if due := found.oldest.Add(keep); due.After(now) {
		return due
	}
	return now
}
