package notify

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Backoff says when a notification that was not accepted is sent again. Each pause is twice as long as the one before, up
// to its limit.
type Backoff struct {
	// First and Most are the pauses while the sink is not available.
	First, Most time.Duration
	// FirstRefused and MostRefused are the pauses after the sink has refused a customer's state.
	FirstRefused, MostRefused time.Duration
	// MostOfAll bounds the pause in which nothing is sent at all, after several attempts in a row have found the sink not
	// available. An answer with Retry-After has no such bound.
	MostOfAll time.Duration
}

// DefaultBackoff is that of the operator.
var DefaultBackoff = Backoff{
	First: time.Second, Most: 5 * time.Minute, FirstRefused: time.Minute, MostRefused: time.Hour, MostOfAll: time.Minute,
}

// patience is how many attempts in a row find the sink not available before it is left alone: one that fails for some
// customers only does not hold up the others.
const patience = 5

// attempts are those that failed. They live in memory: a new leader tries at once what the sink has not accepted.
type attempts struct {
	Backoff
	mutex  sync.Mutex
	failed map[types.NamespacedName]attempt
	inARow int       // how many attempts in a row have found the sink not available
	resume time.Time // until then nothing is sent
}

// attempt is the last one of a customer, if it failed.
type attempt struct {
	changedAt time.Time // the state that was sent
	count     int       // how many attempts have failed
	refused   bool
	retryAt   time.Time
}

// wait is how long the customer's state has to wait. A new state waits for the sink only.
func (a *attempts) wait(customer types.NamespacedName, changedAt, now time.Time) time.Duration {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	until := a.resume
	if last, ok := a.failed[customer]; ok && last.changedAt.Equal(changedAt) && last.retryAt.After(until) {
		until = last.retryAt
	}
	return max(until.Sub(now), 0)
}

// fail notes that the customer's state was not accepted. retryAfter is how long the sink asks to be left alone.
func (a *attempts) fail(customer types.NamespacedName, changedAt, now time.Time, refused bool, retryAfter time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	last := attempt{changedAt: changedAt, count: a.failed[customer].count + 1, refused: refused}
	first, most := a.First, a.Most
	if refused {
		first, most, a.inARow = a.FirstRefused, a.MostRefused, 0
	} else {
		a.inARow++
	}
	last.retryAt = now.Add(max(doubled(first, last.count, most), retryAfter))
	a.failed[customer] = last
	pause := retryAfter
	if a.inARow >= patience {
		pause = max(pause, doubled(a.First, a.inARow-patience+1, a.MostOfAll))
	}
	if resume := now.Add(pause); resume.After(a.resume) {
		a.resume = resume
	}
}

// succeed notes that the customer's state was accepted. It reports whether the sink was not available before.
func (a *attempts) succeed(customer types.NamespacedName) (isBack bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.failed, customer)
	isBack = a.inARow >= patience
	a.inARow = 0
	return isBack
}

// forget drops what is known of a customer of which nothing is pending.
func (a *attempts) forget(customer types.NamespacedName) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.failed, customer)
}

// count counts the customers whose last attempt failed.
func (a *attempts) count() (unavailable, refused int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, last := range a.failed {
		if last.refused {
			refused++
		} else {
			unavailable++
		}
	}
	return unavailable, refused
}

// doubled is the pause after the n-th failure.
func doubled(first time.Duration, n int, most time.Duration) time.Duration {
	return min(first<<min(n-1, 16), most)
}
