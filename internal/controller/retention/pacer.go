package retention

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

const (
	// defaultShare is the part of the time in which the retention has a request at the API server: one that reads, or each of so many
	// deletions. So it slows down with the API server: if that answers in 4 ms, 250 events are deleted a second, and if it is busy and
	// answers in 20 ms, fifty.
	defaultShare = 0.2
	// deletions is how many deletions it makes at a time.
	deletions = 5
	// longestPause bounds the pause after a slow request, such as a page of a list.
	longestPause = 10 * time.Second
)

// pacer makes requests to the API server with pauses. Each goroutine that uses it pauses by itself.
type pacer struct {
	clock clock.Clock
	// yield has a write wait while many events are being recorded; nil if none does.
	yield func(context.Context)
	// share is defaultShare, except in tests.
	share float64
}

// write is do for a request that writes: it gives way to the recording of events first.
func (p *pacer) write(ctx context.Context, request func()) error {
	if p.yield != nil {
		p.yield(ctx)
	}
	return p.do(ctx, request)
}

// do makes a request, and then pauses. It returns an error only if ctx has ended: then the request was not made.
func (p *pacer) do(ctx context.Context, request func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	begin := p.clock.Now()
	request()
	took := p.clock.Since(begin)
	pause := min(time.Duration(float64(took)*(1/p.share-1)), longestPause)
	if pause <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil // what the request returned counts
	case <-p.clock.After(pause):
		return nil
	}
}
