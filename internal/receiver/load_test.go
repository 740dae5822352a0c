package receiver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Slow clients that come again after every eviction do not keep honest clients out.
func TestHonestSendersBesideSlowOnes(t *testing.T) {
	const slow, honest, evictions = 500, 8, 100
	p := open(t, &fakeRecorder{})
	p.handler.small, p.handler.large = newBudget(smallBodies, 10*time.Millisecond), newBudget(largeBodies, 10*time.Millisecond)
	before := counted(t)
	p.drip(t, slow)
	await(t, "slow bodies to hold all the memory for large ones", func() bool { return holding(p.handler.large) == largeBodies/maxBody })
	await(t, "all slow headers to wait too", func() bool { return waiting(p.server.connections.queue) >= slow/2 })

	evicted := func() float64 { return since(t, before)["503 slow"] }
	until := evicted() + evictions // the honest clients send until so many slow ones are evicted
	var clients sync.WaitGroup
	var sent atomic.Int64
	for client := range honest {
		clients.Go(func() {
			for i := 0; i == 0 || evicted() < until; i++ {
				got, err := p.try(context.Background(), signed(event(fmt.Sprintf("evt_%d_%d", client, i), "customer.updated")))
				if diff := cmp.Diff(acknowledged(), got); err != nil || diff != "" {
					t.Errorf("reply to an honest client: %v (-want +got):\n%s", err, diff)
					return
				}
				sent.Add(1)
			}
		})
	}
	clients.Wait()
	if diff := cmp.Diff(int(sent.Load()), len(p.recorder.recorded())); diff != "" {
		t.Errorf("events recorded (-want +got):\n%s", diff)
	}
}

// drip starts clients that send a header or a body byte by byte until the test ends, and connect again when evicted.
func (p *endpoint) drip(t *testing.T, clients int) {
	const interval = 500 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	var dripping sync.WaitGroup
	t.Cleanup(func() { stop(); dripping.Wait() })
	header := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n", Path, header(noon, "0123"), maxBody)
	for i := range clients {
		start, drop := header+"X-A: ", "a"
		if i%2 == 0 {
			start, drop = header+"\r\n"+strings.Repeat(" ", firstPart), " "
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

// pause waits for the interval. It reports false if ctx ends first.
func pause(ctx context.Context, interval time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(interval):
		return true
	}
}

// Slow clients hold no more memory than the budget allows.
func TestSlowClientsHoldNoMoreThanTheBudget(t *testing.T) {
	const limit, slow, sent = largeBodies / maxBody, 500, 160 << 10
	p := open(t, &fakeRecorder{})
	p.handler.large = newBudget(largeBodies, time.Millisecond)
	before := counted(t)
	heap := heapInUse()
	part := padded(body, sent)
	for range slow {
		connection := p.dial(t)
		_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n",
			Path, header(noon, "0123"), maxBody)
		_, _ = connection.Write(part) // fails if the client is evicted meanwhile
	}
	await(t, "all but the last to be cut off", func() bool {
		return since(t, before)["503 slow"] >= slow-limit && since(t, before)["503 slow"]+float64(holding(p.handler.large)) == slow
	})
	if grown, most := heapInUse()-heap, int64(2*limit*maxBody); grown > most {
		t.Errorf("%d slow clients of %d KiB each hold %d MiB, want at most %d", slow, sent>>10, grown>>20, most>>20)
	}
}

// heapInUse is the size of the reachable objects, in bytes.
func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// An evicted client gets a 503, and its connection closes.
func TestASlowSenderIsCutOff(t *testing.T) {
	p := open(t, &fakeRecorder{})
	large := padded(body, maxBody)
	p.handler.large = newBudget(maxBody, time.Millisecond)
	connection := p.dial(t)
	_, _ = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s", Path, good(noon), maxBody, large[:2*firstPart])
	await(t, "the body to hold memory", func() bool { return holding(p.handler.large) == 1 })
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(large))); diff != "" {
		t.Errorf("reply to the later client (-want +got):\n%s", diff)
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
		t.Errorf("reply to the slow client (-want +got):\n%s", diff)
	}
}

// An API server that does not answer delays as many events as there are slots. The others are refused at once and leave
// nothing behind.
func TestAnAPIServerThatDoesNotAnswer(t *testing.T) {
	const limit, events = 16, 400
	p := start(t, blocked(), limit, 0, secret)
	var waiting []<-chan reply
	for i := range limit {
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
	await(t, "the refused requests to leave no goroutine", func() bool {
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
