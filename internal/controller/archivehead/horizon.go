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
// The ConfigMap says it. While events are deleted and there is no ConfigMap, a backup may have brought back everything but it: then
// it is the age at which events are deleted. If it cannot be read, all events may be gone.
func (h Horizon) GoneBefore(ctx context.Context) (time.Time, error) {
	state, err := h.Store.Load(ctx)
	switch {
	case errors.Is(err, ErrUnreadable):
		return h.Clock.Now(), nil
	case err != nil:
		return time.Time{}, err
	case h.Retention > 0 && !state.IsNoted():
		return h.Clock.Now().Add(-h.Retention), nil
	default:
		return state.GoneBefore, nil
	}
}
