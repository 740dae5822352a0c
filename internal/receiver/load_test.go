package receiver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Anybody can send as slowly as he likes, and come again when he is cut off. That keeps nobody out who is honest.
func TestHonestSendersBesideSlowOnes(t *testing.T) {
	const places, slow, honest, cuts = 64, 500, 8, 100
	p := start(t, &fakeRecorder{}, places, 0, secret)
	before := counted(t)
	p.drip(t, slow)
	await(t, "the places to be taken by slow bodies", func() bool { return waiting(p.handler.unproven) == places })
	await(t, "all slow headers to wait too", func() bool { return waiting(p.server.connections.waiting) >= slow/2 })

	cut := func() float64 { return since(t, before)["503 slow"] }
	until := cut() + cuts // the slow ones have come again so often, and lost their places, while the honest ones send
	var senders sync.WaitGroup
	var sent atomic.Int64
	for sender := range honest {
		senders.Go(func() {
			for i := 0; i == 0 || cut() < until; i++ {
				got, err := p.try(context.Background(), signed(event(fmt.Sprintf("evt_%d_%d", sender, i), "customer.updated")))
				if diff := cmp.Diff(acknowledged(), got); err != nil || diff != "" {
					t.Errorf("reply to an honest sender: %v (-want +got):\n%s", err, diff)
					return
				}
				sent.Add(1)
			}
		})
	}
	senders.Wait()
	if diff := cmp.Diff(int(sent.Load()), len(p.recorder.recorded())); diff != "" {
		t.Errorf("events recorded (-want +got):\n%s", diff)
	}
}

// drip has so many clients send a byte now and then until the test ends, of a header or of a body, and come again when they are cut off.
func (p *endpoint) drip(t *testing.T, clients int) {
	const interval = 500 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	var dripping sync.WaitGroup
	t.Cleanup(func() { stop(); dripping.Wait() })
	header := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n", Path, header(noon, "0123"), maxBody)
	for i := range clients {
		start, drop := header+"X-A: ", "a"
		if i%2 == 0 {
			start, drop = header+"\r\n", " "
		}
		dripping.Go(func() {
			for wait := interval * time.Duration(i) / time.Duration(clients); pause(ctx, wait); wait = interval {
				dripOnce(ctx, p.server.Addr().String(), start, drop, interval)
			}
		})
	}
}

// dripOnce sends until the connection fails.
func dripOnce(ctx context.Context, address, start, drop string, interval time.Duration) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	_, err = io.WriteString(connection, start)
	for err == nil && pause(ctx, interval) {
		_, err = io.WriteString(connection, drop)
	}
}

// pause is how a slow sender is slow. It says whether there is still time.
func pause(ctx context.Context, interval time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(interval):
		return true
	}
}

// Slow senders cost no more memory than the places have.
func TestSlowSendersHoldNoMoreThanThePlaces(t *testing.T) {
	const places, slow, sent = 16, 500, 160 << 10
	p := start(t, &fakeRecorder{}, places, 0, secret)
	before := counted(t)
	heap := heapInUse()
	part := padded(body, sent)
	for range slow {
		connection := p.dial(t)
		_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n",
			Path, header(noon, "0123"), maxBody)
		_, _ = connection.Write(part) // fails if the place was lost meanwhile
	}
	await(t, "all but the last to have lost their places", func() bool { return since(t, before)["503 slow"] == slow-places })
	if grown, most := heapInUse()-heap, int64(2*places*maxBody); grown > most {
		t.Errorf("%d slow senders of %d KiB each hold %d MiB, want at most %d", slow, sent>>10, grown>>20, most>>20)
	}
}

// heapInUse is what is still referred to, in bytes.
func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Who loses his place is told to come again, on a connection that ends.
func TestASlowSenderIsCutOff(t *testing.T) {
	p := start(t, &fakeRecorder{}, 1, 0, secret)
	connection := p.dial(t)
	_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n", Path, good(noon), len(body))
	await(t, "the body to be waited for", func() bool { return waiting(p.handler.unproven) == 1 })
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(body))); diff != "" {
		t.Errorf("reply to who came later (-want +got):\n%s", diff)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if !response.Close {
		t.Error("the connection stays open, with the rest of a body on it")
	}
	got, err := read(response)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tooSlowReply, got); diff != "" {
		t.Errorf("reply to the slow sender (-want +got):\n%s", diff)
	}
}

// An API server that does not answer holds up as many events as there are places, and no more: the rest is sent away at once, and
// leaves nothing behind.
func TestAnAPIServerThatDoesNotAnswer(t *testing.T) {
	const places, events = 16, 400
	p := start(t, blocked(), places, 0, secret)
	var waiting []<-chan reply
	for i := range places {
		waiting = append(waiting, p.background(t, signed(event(fmt.Sprintf("evt_%d", i), "customer.updated"))))
		receive(t, p.recorder.entered)
	}
	before := runtime.NumGoroutine()
	for i := range events {
		got := p.send(t, signed(event(fmt.Sprintf("evt_more%d", i), "customer.updated")))
		if diff := cmp.Diff(overloadReply, got); diff != "" {
			t.Fatalf("reply (-want +got):\n%s", diff)
		}
	}
	await(t, "no goroutine to be left of those sent away", func() bool {
		p.client.CloseIdleConnections()
		return runtime.NumGoroutine() <= before
	})
	close(p.recorder.release)
	for _, answer := range waiting {
		if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
			t.Errorf("reply (-want +got):\n%s", diff)
		}
	}
}
