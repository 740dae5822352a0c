package stripeapi

import (
	"sync"
	"time"
)

// pause stops all calls for a while after a 429.
type pause struct {
	mutex sync.Mutex
	end   time.Time
}

// extend makes the pause last until end, unless it already lasts longer.
func (p *pause) extend(end time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if end.After(p.end) {
		p.end = end
	}
}

// check returns nil, or during a pause an error with the remaining duration, so that callers need not wait here.
func (p *pause) check(now time.Time) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if left := p.end.Sub(now); left > 0 {
		return &rateLimitError{wait: left}
	}
	return nil
}
