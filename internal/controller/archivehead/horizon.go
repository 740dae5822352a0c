package archivehead

import (
	"context"
	"errors"
	"time"

	"k8s.io/utils/clock"
)

// Horizon says which events may be gone.
type Horizon struct {
	Store Store
	// Retention is how long events stay before they are deleted; 0 if this configuration deletes none.
	Retention time.Duration
	Clock     clock.PassiveClock
}

// GoneBefore returns the time from which on all events that were recorded are still there, by spec.created; zero if none is gone.
//
// While events are deleted, it is not before the age at which they are: a backup may have brought back everything but the
// ConfigMap. If that cannot be read, all events may be gone.
func (h Horizon) GoneBefore(ctx context.Context) (time.Time, error) {
	state, err := h.Store.Load(ctx)
	switch {
	case errors.Is(err, ErrUnreadable):
		return h.Clock.Now(), nil
	case err != nil:
		return time.Time{}, err
	}
	before := state.GoneBefore
	if h.Retention > 0 {
		if due := h.Clock.Now().Add(-h.Retention); due.After(before) {
			before = due
		}
	}
	return before, nil
}
