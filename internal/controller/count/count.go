// Package count counts objects for the metrics, by lists or by their changes, and follows such changes.
package count

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Repeatedly counts once in every interval until ctx ends, and logs a count that fails. Then it calls reset, so that a former
// leader reports nothing. what names what is counted, in the log.
func Repeatedly(ctx context.Context, c clock.WithTicker, interval time.Duration, what string, count func(context.Context) error, reset func()) {
	ticker := c.NewTicker(interval)
	defer ticker.Stop()
	defer reset()
	for {
		if err := count(ctx); err != nil && ctx.Err() == nil {
			ctrl.LoggerFrom(ctx).Error(err, "Failed to count "+what)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
	}
}
