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

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// stripe sends the events of lives, and knows which were acknowledged.
type stripe struct {
	endpoints []stripetest.Endpoint
	cancel    context.CancelFunc

	mutex sync.Mutex
	acked map[string]string    // id to type
	open  map[*delivery]string // not acknowledged yet, with the last answer
	posts int
	twins int // events that came to two receivers at once
	all   sync.WaitGroup
}

// delivery is an event on its way: posted until it is acknowledged.
type delivery struct {
	event  stripetest.Event
	random *rand.Rand
	first  int // the receiver that is tried first; -1 for any
}

func newStripe(o *operator) *stripe {
	s := &stripe{acked: map[string]string{}, open: map[*delivery]string{}, cancel: func() {}}
	for _, m := range o.managers {
		s.endpoints = append(s.endpoints, m.endpoint)
	}
	return s
}

// inOrder sends every life from its beginning to its end, several lives at a time.
func (s *stripe) inOrder(ctx context.Context, lives []*life) {
	ctx, s.cancel = context.WithCancel(ctx)
	for worker := range 16 {
		s.all.Go(func() {
			for i := worker; i < len(lives); i += 16 {
				for _, e := range lives[i].events {
					s.deliver(ctx, &delivery{event: e, random: rand.New(rand.NewPCG(0, 0)), first: -1})
				}
			}
		})
	}
}

// shuffled starts the lives over so much time. The events of each come in any order, some late, some twice, and some to two receivers at
// the same instant.
func (s *stripe) shuffled(ctx context.Context, lives []*life, over time.Duration, seed uint64) {
	ctx, s.cancel = context.WithCancel(ctx)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, l := range lives {
		starts := upTo(random, over)
		for _, e := range l.events {
			after := starts + upTo(random, 6*time.Second)
			d := &delivery{event: e, random: rand.New(rand.NewPCG(random.Uint64(), 0)), first: -1}
			if random.IntN(20) == 0 {
				after += upTo(random, 40*time.Second)
			}
			again, twice := random.IntN(10) == 0, random.IntN(20) == 0
			s.all.Go(func() {
				if !pause(ctx, after) {
					s.leave(d)
					return
				}
				if twice {
					s.twin(ctx, d)
				}
				if s.deliver(ctx, d) && again && pause(ctx, upTo(d.random, 10*time.Second)) {
					s.deliver(ctx, d)
				}
			})
		}
	}
}

// twin has the event come to the second receiver at the instant at which it comes to the first.
func (s *stripe) twin(ctx context.Context, d *delivery) {
	other := &delivery{event: d.event, random: rand.New(rand.NewPCG(d.random.Uint64(), 0)), first: 1}
	d.first = 0
	s.mutex.Lock()
	s.twins++
	s.mutex.Unlock()
	s.all.Go(func() { s.deliver(ctx, other) })
}

// deliver posts an event until it is acknowledged, with a growing pause, to any of the receivers: a Service does not know better.
func (s *stripe) deliver(ctx context.Context, d *delivery) bool {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 3*time.Second) {
		to := d.random.IntN(len(s.endpoints))
		if d.first >= 0 {
			to, d.first = d.first%len(s.endpoints), -1
		}
		if s.post(ctx, d, s.endpoints[to]) {
			return true
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

func (s *stripe) post(ctx context.Context, d *delivery, to stripetest.Endpoint) bool {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	code, err := to.Post(ctx, d.event)
	acknowledged := code == http.StatusOK && err == nil
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.posts++
	if code/100 == 2 { // the status line is enough for Stripe
		s.acked[d.event.ID] = d.event.Type
	}
	switch {
	case acknowledged:
		delete(s.open, d)
	case err != nil:
		s.open[d] = fmt.Sprintf("last it got no answer: %v", err)
	default:
		s.open[d] = fmt.Sprintf("last it was answered %d", code)
	}
	return acknowledged
}

// leave notes a delivery that was not begun.
func (s *stripe) leave(d *delivery) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.open[d] = "it was never posted"
}

// finish waits until every event is acknowledged, and returns those that are not in time, with the last answer to each.
func (s *stripe) finish(patience time.Duration) (undelivered []string) {
	limit := time.AfterFunc(patience, s.cancel)
	s.all.Wait()
	limit.Stop()
	s.cancel()
	for d, answer := range s.open {
		undelivered = append(undelivered, fmt.Sprintf("event %s (%s) was not acknowledged: %s", d.event.ID, d.event.Type, answer))
	}
	slices.Sort(undelivered)
	return undelivered
}

// acknowledged are the events that were acknowledged, once all is finished.
func (s *stripe) acknowledged() map[string]string { return maps.Clone(s.acked) }
