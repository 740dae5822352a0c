package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// stripe posts the events of histories, and records which were acknowledged.
type stripe struct {
	endpoints []stripetest.Endpoint
	cancel    context.CancelFunc

	mutex sync.Mutex
	acked map[string]string // event types by id
	// unacknowledged holds the last answer to each delivery that is not acknowledged yet.
	unacknowledged map[*delivery]string
	posts          int
	twins          int // events that were posted to two receivers at once
	all            sync.WaitGroup
	// slots bounds the posts at a time: too many of them would take the processors from the operator.
	slots *semaphore.Weighted
}

const (
	postsAtOnce = 64
	// firstRetry is the pause before an event is posted again. It doubles up to maxRetry.
	firstRetry, maxRetry = 200 * time.Millisecond, 15 * time.Second
)

// delivery is an event that is posted until it is acknowledged.
type delivery struct {
	history *history
	event   stripetest.Event
	random  *rand.Rand
}

// newStripe posts to the operator's receivers. acked are the types of the events that were acknowledged before, by id.
func newStripe(o *operator, acked map[string]string) *stripe {
	s := &stripe{acked: maps.Clone(acked), unacknowledged: map[*delivery]string{}, cancel: func() {}, slots: semaphore.NewWeighted(postsAtOnce)}
	for _, m := range o.managers {
		s.endpoints = append(s.endpoints, m.endpoint)
	}
	return s
}

// deliverInOrder posts the events of each history in order, 16 histories at a time. It returns at once.
func (s *stripe) deliverInOrder(ctx context.Context, histories []*history) {
	ctx, s.cancel = context.WithCancel(ctx)
	for worker := range 16 {
		s.all.Go(func() {
			for i := worker; i < len(histories); i += 16 {
				for _, e := range histories[i].events {
					s.deliver(ctx, &delivery{history: histories[i], event: e, random: rand.New(rand.NewPCG(0, 0))})
				}
			}
		})
	}
}

// deliverShuffled starts the histories at random within the duration. The events of each arrive in random order, some
// late, some twice, and some at two receivers at the same instant. Of old histories, which were delivered before, it posts
// some events again.
func (s *stripe) deliverShuffled(ctx context.Context, histories []*history, within time.Duration, seed uint64) {
	ctx, s.cancel = context.WithCancel(ctx)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, h := range histories {
		starts := upTo(random, within)
		for _, e := range h.events {
			after := starts + upTo(random, 6*time.Second)
			d := &delivery{history: h, event: e, random: rand.New(rand.NewPCG(random.Uint64(), 0))}
			if random.IntN(20) == 0 {
				after += upTo(random, 40*time.Second)
			}
			resend, toBoth := random.IntN(10) == 0, random.IntN(20) == 0
			if h.isOld && !resend && !toBoth {
				continue
			}
			s.all.Go(func() {
				if !pause(ctx, after) {
					s.markUnposted(d)
					return
				}
				acknowledged := toBoth && s.postToBoth(ctx, d)
				if (acknowledged || s.deliver(ctx, d)) && resend && pause(ctx, upTo(d.random, 10*time.Second)) {
					s.deliver(ctx, d)
				}
			})
		}
	}
}

// postToBoth posts the event to two receivers at once, and reports whether the first one acknowledged it. For the second one it is
// posted until it is acknowledged.
func (s *stripe) postToBoth(ctx context.Context, d *delivery) (acknowledged bool) {
	other := &delivery{history: d.history, event: d.event, random: rand.New(rand.NewPCG(d.random.Uint64(), 0))}
	if s.slots.Acquire(ctx, 2) != nil {
		s.markUnposted(d)
		return false
	}
	s.mutex.Lock()
	s.twins++
	s.mutex.Unlock()
	s.all.Go(func() {
		if !s.post(ctx, other, s.endpoints[1%len(s.endpoints)]) {
			s.deliver(ctx, other)
		}
	})
	return s.post(ctx, d, s.endpoints[0])
}

// deliver posts an event until it is acknowledged, with growing pauses, each time to a random receiver, as a Service
// does. It reports whether the event was acknowledged.
func (s *stripe) deliver(ctx context.Context, d *delivery) bool {
	for wait := firstRetry; ; wait = min(2*wait, maxRetry) {
		to := s.endpoints[d.random.IntN(len(s.endpoints))]
		if s.slots.Acquire(ctx, 1) != nil {
			s.markUnposted(d)
			return false
		}
		if s.post(ctx, d, to) {
			return true
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

// post posts the event once, and releases the slot that the caller holds.
func (s *stripe) post(ctx context.Context, d *delivery, to stripetest.Endpoint) bool {
	defer s.slots.Release(1)
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	body := d.history.body(d.event)
	code, err := to.PostSigned(ctx, body, stripetest.Sign(body, time.Now(), to.Secret))
	acknowledged := code == http.StatusOK && err == nil
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.posts++
	if code/100 == 2 { // for Stripe the status line is enough
		for _, id := range d.history.recordedAs(d.event) {
			s.acked[id] = d.event.Type
		}
	}
	switch {
	case acknowledged:
		delete(s.unacknowledged, d)
	case err != nil:
		s.unacknowledged[d] = fmt.Sprintf("the last attempt got no answer: %v", err)
	default:
		s.unacknowledged[d] = fmt.Sprintf("the last answer was %d", code)
	}
	return acknowledged
}

// markUnposted records a delivery that was never attempted, unless the event was acknowledged before.
func (s *stripe) markUnposted(d *delivery) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	isAcked := func(id string) bool { return s.acked[id] != "" }
	if s.unacknowledged[d] == "" && !slices.ContainsFunc(d.history.recordedAs(d.event), isAcked) {
		s.unacknowledged[d] = "it was never posted"
	}
}

// awaitAll waits until every event is acknowledged. After patience it returns the others with the last answer to each.
func (s *stripe) awaitAll(patience time.Duration) (undelivered []string) {
	limit := time.AfterFunc(patience, s.cancel)
	s.all.Wait()
	limit.Stop()
	s.cancel()
	for d, answer := range s.unacknowledged {
		undelivered = append(undelivered, fmt.Sprintf("event %s (%s) was not acknowledged: %s", d.event.ID, d.event.Type, answer))
	}
	slices.Sort(undelivered)
	return undelivered
}

// acknowledged returns the ids and types of the acknowledged events. Call it after awaitAll.
func (s *stripe) acknowledged() map[string]string { return maps.Clone(s.acked) }
