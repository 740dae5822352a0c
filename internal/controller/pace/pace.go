// Package pace says when what has arrived about a customer is written, so that a burst of events costs one write of each
// status. It keeps times in memory only: after a restart everything is due at once.
//
// Events wait until none has come for a while; those that may decide access wait less. The outcomes of events are written
// last, when the statuses that show them have been written for a while. Example, with a Delay of 1.5 s, of a renewal whose
// ten events come within four seconds: a change of the subscription may decide access, so the customer is folded in between;
// it decides nothing, so the statuses are written 1.5 s after the last event, and the outcomes 3 s later.
package pace

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

const (
	// accessShare is the part of the delay that events wait for further ones if one of them may decide access. That one waits
	// a delay at most.
	accessShare = 3
	// longest is how many delays an event waits at most if others keep coming.
	longest = 3
	// settle is how many delays the outcomes wait after the statuses were written, and settleLongest at most if statuses
	// keep being written.
	settle        = 2
	settleLongest = 10
	// crowd is the number of waiting customers up to which the delay is not lengthened. With twice as many it is twice as
	// long, up to stretch times: then the API server has no time to spare, and more is written at once. That of a customer
	// with one waiting event is not lengthened: nothing says that others come.
	crowd   = 200
	stretch = 3
)

// Pace holds what waits, by customer.
type Pace struct {
	// Delay is how long a customer's events wait for further ones; 0 has everything written at once.
	Delay time.Duration
	Clock clock.PassiveClock

	mutex     sync.Mutex
	customers map[types.NamespacedName]*times
	arrived   int // customers with events that no status shows yet
}

// times are those of one customer; zero if nothing waits.
type times struct {
	first, last time.Time // when the first and the last event arrived that no status shows yet
	previous    time.Time // when the one before the last arrived; zero if the last is the only one
	access      time.Time // when the first of them arrived that may decide access
	// firstShown and lastShown are when statuses were written that show events whose outcomes are not written yet.
	firstShown, lastShown time.Time
	applied               map[string]time.Time // when a status first showed each of those events, by its id
}

// Arrived notes that an event about the customer has arrived, and returns how long it waits. mayDecideAccess is true if the
// event may change whether the customer is entitled.
func (p *Pace) Arrived(customer types.NamespacedName, mayDecideAccess bool) time.Duration {
	if p.Delay == 0 {
		return 0
	}
	now := p.Clock.Now()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	t := p.of(customer)
	if t.last.IsZero() {
		t.first = now
		p.arrived++
	}
	t.previous, t.last = t.last, now
	if mayDecideAccess && t.access.IsZero() {
		t.access = now
	}
	return t.lookAt(p.delay(t)).Sub(now)
}

// LookAt is when the customer is to be folded; zero for now.
func (p *Pace) LookAt(customer types.NamespacedName) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if t := p.customers[customer]; t != nil && !t.last.IsZero() {
		return t.lookAt(p.delay(t))
	}
	return time.Time{}
}

// WriteAt is when the statuses are to be written that do not change whether the customer is entitled; zero for now.
func (p *Pace) WriteAt(customer types.NamespacedName) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if t := p.customers[customer]; t != nil && !t.last.IsZero() {
		return t.writeAt(p.delay(t))
	}
	return time.Time{}
}

// LookedAt notes that nothing that arrived up to the time decides access: the next look is when the statuses are written.
func (p *Pace) LookedAt(customer types.NamespacedName, at time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if t := p.customers[customer]; t != nil && !t.access.After(at) {
		t.access = time.Time{}
	}
}

// Shown notes that the statuses show every event that arrived up to the time, and returns when their outcomes are to be
// written; zero for now. applied are the ids of the events that a status shows now: a later event may replace what they show
// before their outcomes are written.
func (p *Pace) Shown(customer types.NamespacedName, arrivedBy time.Time, applied []string) time.Time {
	if p.Delay == 0 {
		return time.Time{}
	}
	now := p.Clock.Now()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	t := p.of(customer)
	if p.take(t, arrivedBy) {
		t.lastShown = now
	}
	if t.firstShown.IsZero() {
		t.firstShown, t.lastShown = now, now
	}
	for _, id := range applied {
		if t.applied == nil {
			t.applied = map[string]time.Time{}
		}
		if t.applied[id].IsZero() {
			t.applied[id] = now
		}
	}
	return earlier(t.lastShown.Add(settle*p.Delay), t.firstShown.Add(settleLongest*p.Delay))
}

// AppliedAt is when a status first showed the event, whose outcome is not written yet; zero if none has.
func (p *Pace) AppliedAt(customer types.NamespacedName, eventID string) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if t := p.customers[customer]; t != nil {
		return t.applied[eventID]
	}
	return time.Time{}
}

// Settled notes that the outcomes of all events are written that the statuses show. Nothing that arrived up to the time waits
// for further events any more: what is still pending cannot be folded, or its status is refused, and is retried at its own time.
func (p *Pace) Settled(customer types.NamespacedName, arrivedBy time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	t := p.customers[customer]
	if t == nil {
		return
	}
	p.take(t, arrivedBy)
	t.firstShown, t.lastShown, t.applied = time.Time{}, time.Time{}, nil
	if t.last.IsZero() {
		delete(p.customers, customer)
	}
}

// Forget drops what is known of a customer.
func (p *Pace) Forget(customer types.NamespacedName) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if t := p.customers[customer]; t != nil && !t.last.IsZero() {
		p.arrived--
	}
	delete(p.customers, customer)
}

// Waiting is the number of customers with events whose outcomes are not written.
func (p *Pace) Waiting() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.customers)
}

func (p *Pace) of(customer types.NamespacedName) *times {
	t := p.customers[customer]
	if t == nil {
		if p.customers == nil {
			p.customers = map[types.NamespacedName]*times{}
		}
		t = &times{}
		p.customers[customer] = t
	}
	return t
}

// take ends the wait of the events that arrived up to the time, unless a later one has arrived. It reports whether it did.
func (p *Pace) take(t *times, arrivedBy time.Time) bool {
	if t.last.IsZero() || t.last.After(arrivedBy) {
		if !t.previous.After(arrivedBy) { // the last is the only one left
			t.previous = time.Time{}
		}
		return false
	}
	t.first, t.previous, t.last, t.access = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	p.arrived--
	return true
}

// delay is longer while many customers wait. For a customer with one waiting event it is not.
func (p *Pace) delay(t *times) time.Duration {
	if t.previous.IsZero() {
		return p.Delay
	}
	return p.Delay * time.Duration(min(max(p.arrived, crowd), stretch*crowd)) / crowd
}

func (t *times) writeAt(delay time.Duration) time.Time {
	return earlier(t.last.Add(delay), t.first.Add(longest*delay))
}

func (t *times) lookAt(delay time.Duration) time.Time {
	if t.access.IsZero() {
		return t.writeAt(delay)
	}
	return earlier(t.last.Add(delay/accessShare), earlier(t.access.Add(delay), t.writeAt(delay)))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
