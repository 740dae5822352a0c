package paging

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

const (
	// DefaultShare is the part of the time in which background work has a request at the API server. So it slows down with the API
	// server: requests that are answered in 4 ms are 50 a second, and 10 a second if the API server is busy and answers in 20 ms.
	DefaultShare = 0.2
	// longestPause bounds the pause after a slow request, such as a page of a list.
	longestPause = 10 * time.Second
)

// Pacer makes requests to the API server with pauses. Each goroutine that uses it pauses by itself.
type Pacer struct {
	Clock clock.Clock
	// Yield has a write wait while many events are being recorded; nil if none does.
	Yield func(context.Context)
	// Share is DefaultShare, except in tests.
	Share float64
}

// Write is Do for a request that writes: it gives way to the recording of events first.
func (p *Pacer) Write(ctx context.Context, request func()) error {
	if p.Yield != nil {
		p.Yield(ctx)
	}
	return p.Do(ctx, request)
}

// Do makes a request, and then pauses. It returns an error only if ctx has ended: then the request was not made.
func (p *Pacer) Do(ctx context.Context, request func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	begin := p.Clock.Now()
	request()
	took := p.Clock.Since(begin)
	pause := min(time.Duration(float64(took)*(1/p.Share-1)), longestPause)
	if pause <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil // what the request returned counts
	case <-p.Clock.After(pause):
		return nil
	}
}
