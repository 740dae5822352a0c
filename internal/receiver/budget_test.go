package receiver

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A header without a body takes no memory and displaces no body that arrives. Only too many connections end the
// longest-waiting ones, with an answer.
func TestAHeaderAloneTakesNoMemory(t *testing.T) {
	const limit, headers = 40, 60
	p := bounded(t, &fakeRecorder{}, limit)
	arriving := p.begin(t, padded(body, smallBody))
	await(t, "the body to hold memory", func() bool { return holding(p.handler.small) == 1 })
	p.handler.small.mutex.Lock()
	p.handler.small.time = time.Nanosecond // any request that waits for memory cuts the body off
	p.handler.small.mutex.Unlock()

	alone := func(n int) (first unfinished) {
		for i := range n {
			connection := p.dial(t)
			if i == 0 {
				first = unfinished{TCPConn: connection}
			}
			if _, err := fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n",
				Path, header(noon, "0123"), smallBody); err != nil {
				t.Fatal(err)
			}
		}
		return first
	}
	alone(limit - 2)
	await(t, "the headers to wait for their bodies", func() bool { return waiting(p.server.connections.queue) == limit-1 })
	if got := holding(p.handler.small) + holding(p.handler.large); got != 1 {
		t.Errorf("%d bodies hold memory, want only the one that arrives", got)
	}
	arriving.finish(t)
	if got, _ := respond(t, arriving); !cmp.Equal(acknowledged(), got) {
		t.Errorf("reply to the body that arrived (-want +got):\n%s", cmp.Diff(acknowledged(), got))
	}

	first := alone(headers)
	before := counted(t)
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(body))); diff != "" {
		t.Errorf("reply to an honest client (-want +got):\n%s", diff)
	}
	alone(limit)
	await(t, "the first of them to be cut off", func() bool { return since(t, before)["503 slow"] >= limit })
	if got, closes := respond(t, first); !cmp.Equal(tooSlowReply, got) || !closes {
		t.Errorf("reply to a header without body: closing %t (-want +got):\n%s", closes, cmp.Diff(tooSlowReply, got))
	}
}

// Small bodies never wait for large ones, and a body that finds no memory in time is refused.
func TestLargeBodiesDoNotDelaySmallOnes(t *testing.T) {
	p := open(t, &fakeRecorder{})
	p.handler.large = newBudget(maxBody, forever)
	p.handler.large.wait = 2 * time.Second
	large := p.begin(t, padded(body, maxBody))
	await(t, "the large body to hold the memory", func() bool { return holding(p.handler.large) == 1 })
	second := p.background(t, signed(padded(event("evt_2", "customer.updated"), smallBody+1)))
	chunked := p.background(t, signed(padded(event("evt_3", "customer.updated"), smallBody)).chunked())
	await(t, "the others to wait", func() bool {
		p.handler.large.mutex.Lock()
		defer p.handler.large.mutex.Unlock()
		return p.handler.large.wanted == 2*maxBody
	})
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(padded(event("evt_4", "customer.updated"), smallBody)))); diff != "" {
		t.Errorf("reply to a small body (-want +got):\n%s", diff)
	}
	for i, answer := range []<-chan reply{second, chunked} {
		if diff := cmp.Diff(noMemoryReply, receive(t, answer)); diff != "" {
			t.Errorf("reply to waiting body %d (-want +got):\n%s", i, diff)
		}
	}
	large.finish(t)
	if got, _ := respond(t, large); !cmp.Equal(acknowledged(), got) {
		t.Errorf("reply to the large body (-want +got):\n%s", cmp.Diff(acknowledged(), got))
	}
}

// The buffer of a large body is used again only if no verified body is in it.
func TestAVerifiedBodyIsNotOverwritten(t *testing.T) {
	for name, tc := range map[string]struct {
		size   int
		reused bool
	}{
		"large":                  {maxBody, false},
		"small, sent in chunks":  {1000, true},
		"just too large to copy": {maxBody/2 + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			held := &memory{buffer: new([maxBody]byte)}
			buffer := held.buffer
			kept := held.keep(buffer[:tc.size])
			if len(kept) != tc.size || (held.buffer != nil) != tc.reused || (&kept[0] == &buffer[0]) == tc.reused {
				t.Errorf("%d bytes kept, in the buffer: %t, buffer used again: %t", len(kept), &kept[0] == &buffer[0], held.buffer != nil)
			}
		})
	}
}
