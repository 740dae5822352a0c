package retention

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

const (
	// defaultShare is the part of the time in which the retention has a request at the API server, one at a time. So it slows down with the
	// API server: of one that answers in 3 ms it takes some 60 requests a second, and of one that is busy and answers in 20 ms ten.
	defaultShare = 0.2
	// longestPause bounds the pause after a slow request, such as a page of a list.
	longestPause = 10 * time.Second
)

// pacer makes requests to the API server one at a time, with pauses.
type pacer struct {
	clock clock.Clock
	// yield waits while many events are being recorded; nil if it never does.
	yield func(context.Context)
	// share is defaultShare, except in tests.
	share float64
}

// do makes a request, and then pauses. It returns an error only if ctx ends: then the request may not have been made.
func (p *pacer) do(ctx context.Context, request func()) error {
	if p.yield != nil {
		p.yield(ctx)
	}
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
