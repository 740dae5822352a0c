package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// newLives makes so many customers' lives, each of a sign-up and some twenty things that happen within seconds of each other.
func newLives(n int, seed uint64) []*stripetest.World {
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	ops := stripetest.Ops()
	var lives []*stripetest.World
	for i := range n {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		world := stripetest.NewWorld(begin, []stripetest.Shape{stripetest.Old, stripetest.New}[i%2], random.Uint64())
		world.Name = fmt.Sprintf("L%04d", i+1)
		world.Do(ops[random.IntN(3)]) // the three ways to sign up
		for range 20 {
			world.Advance(time.Duration(random.IntN(3)) * time.Second)
			world.Do(ops[3+random.IntN(len(ops)-3)])
		}
		lives = append(lives, world)
	}
	return lives
}

// stripe sends the events of lives, and knows which were acknowledged.
type stripe struct {
	endpoints []stripetest.Endpoint

	mutex  sync.Mutex
	acked  map[string]string // id to type
	posts  int
	events int
	all    sync.WaitGroup
}

func newStripe(o *operator) *stripe {
	s := &stripe{acked: map[string]string{}}
	for _, m := range o.managers {
		s.endpoints = append(s.endpoints, m.endpoint)
	}
	return s
}

// inOrder sends every life from its beginning to its end, several lives at a time.
func (s *stripe) inOrder(ctx context.Context, lives []*stripetest.World) {
	places := make(chan struct{}, 16)
	for _, life := range lives {
		places <- struct{}{}
		s.all.Go(func() {
			defer func() { <-places }()
			for _, e := range life.Events() {
				s.deliver(ctx, e, rand.New(rand.NewPCG(0, 0)))
			}
		})
	}
	s.all.Wait()
}

// shuffled starts the lives over so much time. The events of each come in any order, some late, some twice.
func (s *stripe) shuffled(ctx context.Context, lives []*stripetest.World, over time.Duration, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Float64() * float64(d)) }
	for _, life := range lives {
		starts := upTo(over)
		for _, e := range life.Events() {
			s.events++
			after, own := starts+upTo(6*time.Second), rand.New(rand.NewPCG(random.Uint64(), 0))
			if random.IntN(20) == 0 {
				after += upTo(40 * time.Second)
			}
			again := random.IntN(10) == 0
			s.all.Go(func() {
				if !pause(ctx, after) || !s.deliver(ctx, e, own) || !again {
					return
				}
				if pause(ctx, time.Duration(own.Float64()*float64(10*time.Second))) {
					s.deliver(ctx, e, own)
				}
			})
		}
	}
}

// deliver posts an event until it is acknowledged, with a growing pause, to any of the receivers: a Service does not know better.
func (s *stripe) deliver(ctx context.Context, e stripetest.Event, random *rand.Rand) bool {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 3*time.Second) {
		if s.post(ctx, e, s.endpoints[random.IntN(len(s.endpoints))]) {
			return true
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

func (s *stripe) post(ctx context.Context, e stripetest.Event, to stripetest.Endpoint) bool {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	code, err := to.Post(ctx, e)
	acknowledged := code == http.StatusOK && err == nil
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.posts++
	if code/100 == 2 { // the status line is enough for Stripe
		s.acked[e.ID] = e.Type
	}
	return acknowledged
}

// tally is what was acknowledged, and how often was posted for it.
func (s *stripe) tally() (acked map[string]string, posts int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.acked, s.posts
}
