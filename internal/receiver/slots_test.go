package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The wait for a slot ends with the record timeout, or when the client hangs up. Stripe then sends the event again.
func TestAnEventThatGetsNoSlot(t *testing.T) {
	for name, tc := range map[string]struct {
		queue  func(*Handler) slots
		within time.Duration
		hangUp bool
		logged []string
	}{
		"to be read, until the client hangs up": {
			queue: func(h *Handler) slots { return h.decoding }, within: recordTimeout, hangUp: true,
			logged: []string{"Event not read in time", "wait for a free slot: context canceled"},
		},
		"to be read, in time": {
			queue: func(h *Handler) slots { return h.decoding }, within: time.Millisecond,
			logged: []string{"Event not read in time", "wait for a free slot: context deadline exceeded"},
		},
		"to be written, until the client hangs up": {
			queue: func(h *Handler) slots { return h.writing }, within: recordTimeout, hangUp: true,
			logged: []string{"Event not recorded", "evt_1", "wait for a free slot: context canceled"},
		},
		"to be written, in time": {
			queue: func(h *Handler) slots { return h.writing }, within: time.Millisecond,
			logged: []string{"Event not recorded", "evt_1", "wait for a free slot: context deadline exceeded"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, &fakeRecorder{})
			p.handler.RecordTimeout = tc.within
			for queue := tc.queue(p.handler); !queue.full(); {
				queue <- struct{}{}
			}
			before := counted(t)
			ctx, hangUp := context.WithCancel(context.Background())
			defer hangUp()
			type outcome struct {
				reply reply
				err   error
			}
			ended := make(chan outcome, 1)
			go func() {
				reply, err := p.try(ctx, signed(body))
				ended <- outcome{reply, err}
			}()
			if tc.hangUp {
				await(t, "the event to be in flight", func() bool { return len(p.handler.inFlight) == 1 })
				hangUp()
			}
			if got := receive(t, ended); tc.hangUp && !errors.Is(got.err, context.Canceled) {
				t.Errorf("error %v, want that the client has hung up", got.err)
			} else if diff := cmp.Diff(notRecordedReply, got.reply); !tc.hangUp && diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			for _, part := range tc.logged {
				p.log.await(t, part)
			}
			await(t, "the request to be counted", func() bool { return len(since(t, before)) > 0 })
			if diff := cmp.Diff(map[string]float64{"503 not_recorded": 1}, since(t, before)); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
			if ids := p.recorder.recorded(); len(ids) > 0 {
				t.Errorf("recorded: %v", ids)
			}
		})
	}
}

// unfinished is a request without the last byte of its body.
type unfinished struct {
	*net.TCPConn
	last []byte
}

func (p *endpoint) begin(t *testing.T, body []byte) unfinished {
	t.Helper()
	b := unfinished{p.dial(t), body[len(body)-1:]}
	if _, err := fmt.Fprintf(b, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s",
		Path, header(noon, sign(secret, noon, body)), len(body), body[:len(body)-1]); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b unfinished) finish(t *testing.T) {
	t.Helper()
	if _, err := b.Write(b.last); err != nil {
		t.Fatal(err)
	}
}

// More bodies may arrive at a time than there are slots: a request takes a slot only once its signature is verified.
func TestTheLimitCountsWhoCanSign(t *testing.T) {
	const limit, more = 4, 3
	p := start(t, blocked(), limit+more, 0, secret)
	p.handler.inFlight = make(slots, limit) // room for all of the bodies, but not for all of the events
	before := counted(t)
	var clients []unfinished
	for i := range limit + more {
		clients = append(clients, p.begin(t, event(fmt.Sprintf("evt_%d", i), "customer.updated")))
	}
	await(t, "all bodies to be waited for", func() bool { return waiting(p.server.connections.queue) == limit+more })
	for _, client := range clients {
		client.finish(t)
	}
	await(t, "the others to be refused", func() bool { return since(t, before)["503 overload"] == more })
	for range limit {
		receive(t, p.recorder.entered)
	}
	close(p.recorder.release)
	replies := map[int]int{}
	for _, client := range clients {
		got, _ := respond(t, client)
		replies[got.Code]++
		if want := map[int]reply{200: acknowledged(), 503: overloadReply}[got.Code]; cmp.Diff(want, got) != "" {
			t.Errorf("reply (-want +got):\n%s", cmp.Diff(want, got))
		}
	}
	if diff := cmp.Diff(map[int]int{200: limit, 503: more}, replies); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"200 recorded": limit, "503 overload": more}, since(t, before)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// Verifying a body takes time. The body holds its memory until then, and no other request takes it.
func TestABodyHoldsItsMemoryUntilItIsVerified(t *testing.T) {
	p := open(t, &fakeRecorder{})
	first, second := padded(event("evt_1", "customer.updated"), smallBody), padded(event("evt_2", "customer.updated"), smallBody)
	p.handler.small = newBudget(smallBody+1, time.Millisecond)
	verify, verifying, release := p.handler.verify, make(chan struct{}, 1), make(chan struct{})
	p.handler.verify = func(body []byte, header string) bool {
		verifying <- struct{}{}
		<-release
		return verify(body, header)
	}
	answers := []<-chan reply{p.background(t, signed(first))}
	receive(t, verifying)
	answers = append(answers, p.background(t, signed(second)))
	await(t, "the second to wait until the first has had its time", func() bool {
		p.handler.small.mutex.Lock()
		defer p.handler.small.mutex.Unlock()
		return p.handler.small.wanted > 0 && p.handler.small.holders.Len() == 0
	})
	if p.handler.small.bytes.TryAcquire(2) {
		t.Error("the memory is given back before the signature is checked")
	}
	close(release)
	for i, answer := range answers {
		if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
			t.Errorf("reply to body %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// atEnd is a body that calls onEnd when its end is read.
type atEnd struct {
	io.ReadCloser
	onEnd func()
}

func (b atEnd) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if errors.Is(err, io.EOF) {
		b.onEnd()
	}
	return n, err
}

// A client may be evicted when all of its body has just arrived. Its connection must close: the deadline that evicts the
// client also ends net/http's read of the next request, and every later event on this connection would fail.
func TestABodyEvictedWhenItIsComplete(t *testing.T) {
	p := bounded(t, &fakeRecorder{}, 1)
	server, once := p.server.http.Handler, true
	p.server.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if once {
			once = false
			r.Body = atEnd{r.Body, func() { queue := p.server.connections.queue; queue.release(queue.admit(func() {})) }}
		}
		server.ServeHTTP(w, r)
	})
	connection := p.begin(t, body)
	connection.finish(t)
	got, closes := respond(t, connection)
	if diff := cmp.Diff(tooSlowReply, got); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
	if !closes {
		t.Error("the connection stays open, though the server can read no other request from it")
	}
	if n, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%d bytes and %v after the reply, want the connection's end", n, err)
	}
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(body))); diff != "" {
		t.Errorf("reply on the next connection (-want +got):\n%s", diff)
	}
	if log, _ := p.log.text(); strings.Contains(log, "Event not") {
		t.Errorf("logged:\n%s", log)
	}
}
