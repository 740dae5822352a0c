package stripeapi

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// backgroundPatience is how long a listing in the background lets other requests go first. Without a bound it would
// starve while the others use up the whole limit.
const backgroundPatience = 5 * time.Second

// priority says which requests go first.
type priority int

const (
	// foreground is for what a decision waits for: a doubt, a request by annotation, the customer of a dispute.
	foreground priority = iota
	// background is for long listings: import and backfill.
	background
)

// limiter spaces out the requests. A request in the background waits while one in the foreground does.
type limiter struct {
	rate     *rate.Limiter
	patience time.Duration

	mutex   sync.Mutex
	waiting int           // requests in the foreground that wait
	idle    chan struct{} // closed when none waits any more; nil if none does
}

func newLimiter() *limiter {
	return &limiter{rate: rate.NewLimiter(defaultRate, defaultRate/5), patience: backgroundPatience}
}

// wait returns when the request may be sent, or with an error if ctx ends before.
func (l *limiter) wait(ctx context.Context, p priority) error {
	if p == background {
		if err := l.letOthersGoFirst(ctx); err != nil {
			return fmt.Errorf("wait for the rate limiter: %w", err)
		}
	} else {
		l.count(+1)
		defer l.count(-1)
	}
	if err := l.rate.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the rate limiter: %w", err)
	}
	return nil
}

// letOthersGoFirst returns when no request in the foreground waits, or when the patience is at its end.
func (l *limiter) letOthersGoFirst(ctx context.Context) error {
	patience := time.NewTimer(l.patience)
	defer patience.Stop()
	for {
		l.mutex.Lock()
		idle := l.idle
		l.mutex.Unlock()
		if idle == nil {
			return nil
		}
		select {
		case <-idle:
		case <-patience.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// count changes the number of requests in the foreground that wait.
func (l *limiter) count(by int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.waiting += by
	switch {
	case l.waiting > 0 && l.idle == nil:
		l.idle = make(chan struct{})
	case l.waiting == 0 && l.idle != nil:
		close(l.idle)
		l.idle = nil
	}
}
