package receiver

import (
	"bufio"
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Anybody can begin a body and never end it. That neither keeps out who is honest, nor costs more memory than the places have.
func TestHonestSendersBesideSlowOnes(t *testing.T) {
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

	for i := range 50 {
		if diff := cmp.Diff(acknowledged(), p.send(t, signed(event(fmt.Sprintf("evt_%d", i), "customer.updated")))); diff != "" {
			t.Fatalf("reply to an honest sender (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(50, len(p.recorder.recorded())); diff != "" {
		t.Errorf("events recorded (-want +got):\n%s", diff)
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
