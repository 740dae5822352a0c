package main

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// post is one event that is due at a time.
type post struct {
	due      time.Time
	customer int // index in the load
	body     []byte
	next     *post // the customer's next event
	gap      time.Duration
}

// posts are ordered by the times at which they are due.
type posts []*post

func (p posts) Len() int           { return len(p) }
func (p posts) Less(i, j int) bool { return p[i].due.Before(p[j].due) }
func (p posts) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *posts) Push(x any)        { *p = append(*p, x.(*post)) }
func (p *posts) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// sender posts the events of a load as Stripe does: each when it is due, the next one of the same customer its gap later,
// and again after a 503. At most limit are in flight.
type sender struct {
	endpoint string
	client   *http.Client

	mutex   sync.Mutex
	waiting posts
	left    int

	took      []time.Duration // of every accepted post
	refused   int             // answers of 503
	lastAcked []time.Time     // by customer
	end       time.Time       // of the last answer
	err       error
}

func newSender(endpoint string, customers int) *sender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns = 256, 256
	return &sender{
		endpoint: endpoint, client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		lastAcked: make([]time.Time, customers),
	}
}

// add plans the customer's events: the first one at the time, each other one its gap after the answer to the one before.
func (s *sender) add(customer int, first time.Time, events []stripetest.Event, gap func() time.Duration) {
	var chain *post
	for _, e := range slices.Backward(events) {
		chain = &post{customer: customer, body: e.JSON(), next: chain, gap: gap()}
	}
	if chain == nil {
		return
	}
	chain.due = first
	heap.Push(&s.waiting, chain)
	s.left += len(events)
}

// run posts everything. It returns the first error that is no 503.
func (s *sender) run(ctx context.Context, limit int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for range limit {
		all.Go(func() {
			for {
				p, wait := s.take()
				switch {
				case p != nil:
					s.send(ctx, p)
				case wait < 0 || ctx.Err() != nil:
					return
				default:
					pause(ctx, wait)
				}
			}
		})
	}
	all.Wait()
	if s.err == nil && s.left > 0 {
		return ctx.Err()
	}
	return s.err
}

// take returns a post that is due, or how long to wait for one; less than 0 if nothing is left.
func (s *sender) take() (*post, time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.left == 0 || s.err != nil {
		return nil, -1
	}
	if len(s.waiting) == 0 {
		return nil, 5 * time.Millisecond // what is left is in flight
	}
	if wait := time.Until(s.waiting[0].due); wait > 0 {
		return nil, min(wait, 5*time.Millisecond)
	}
	return heap.Pop(&s.waiting).(*post), 0
}

func (s *sender) send(ctx context.Context, p *post) {
	sent := time.Now()
	code, err := s.post(ctx, p.body)
	now := time.Now()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case err != nil:
		s.err = err
	case code == http.StatusServiceUnavailable:
		s.refused++
		p.due = now.Add(time.Second)
		heap.Push(&s.waiting, p)
	case code != http.StatusOK:
		s.err = fmt.Errorf("the receiver answered %d", code)
	default:
		s.took, s.lastAcked[p.customer], s.end = append(s.took, now.Sub(sent)), now, now
		s.left--
		if p.next != nil {
			p.next.due = now.Add(p.next.gap)
			heap.Push(&s.waiting, p.next)
		}
	}
}

func (s *sender) post(ctx context.Context, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Stripe-Signature", stripetest.Sign(body, time.Now(), secret))
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
