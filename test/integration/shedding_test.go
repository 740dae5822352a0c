package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// writeHolder holds every write on its way to the API server until the client gives up.
type writeHolder struct {
	mutex     sync.Mutex
	held, max int // writes that are held, now and at most
}

func (h *writeHolder) decide(r *http.Request) apiproxy.Verdict {
	if !apiproxy.IsWrite(r) {
		return apiproxy.Pass
	}
	_, _ = io.Copy(io.Discard, r.Body) // the server notices a disconnect only after it has read the body
	h.add(+1)
	defer h.add(-1)
	<-r.Context().Done()
	return apiproxy.LoseRequest
}

func (h *writeHolder) add(n int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.held += n
	h.max = max(h.max, h.held)
}

// counts returns the number of writes that are held, now and at most.
func (h *writeHolder) counts() (held, most int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.held, h.max
}

// While the API server hangs, the receiver holds as many requests as its limit allows, each until its timeout. It
// answers 503 to all others at once, leaves no goroutine behind, and records each event when Stripe posts it again.
func TestAnAPIServerThatHangs(t *testing.T) {
	const limit, more = 40, 300 // the limit is above the number of concurrent writes, so some requests wait for a write
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := apiproxy.New(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	o := &operator{t: t, namespace: namespace, endpoint: receive(t, proxy, namespace, limit, 5*time.Second)}
	sender := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: -1}}
	post := func(name string, n int) <-chan string { return o.postAtOnce(sender, name, n) }
	if diff := cmp.Diff(map[string]int{"200 {}": 1}, tally(post("evt_Before", 1))); diff != "" {
		t.Fatalf("answers before the API server hangs (-want +got):\n%s", diff)
	}
	goroutines := runtime.NumGoroutine()

	writes := &writeHolder{}
	proxy.Spoil(writes.decide)
	first := post("evt_First", limit)
	o.eventually("the limit is reached", func() string {
		if n := inFlight(t); n != limit {
			return fmt.Sprintf("%d are in flight", n)
		}
		return ""
	})
	if diff := cmp.Diff(map[string]int{"503 too many requests in flight\n": more}, tally(post("evt_More", more))); diff != "" {
		t.Errorf("answers beyond the limit (-want +got):\n%s", diff)
	}
	if early := len(first); early > 0 {
		t.Errorf("%d requests within the limit are answered before those beyond it", early)
	}
	if diff := cmp.Diff(map[string]int{"503 not recorded; try again\n": limit}, tally(first)); diff != "" {
		t.Errorf("answers within the limit (-want +got):\n%s", diff)
	}
	o.eventually("no write and no goroutine remains", func() string {
		held, _ := writes.counts()
		if now := runtime.NumGoroutine(); held > 0 || now > goroutines {
			return fmt.Sprintf("%d writes hang; %d goroutines, %d before", held, now, goroutines)
		}
		return ""
	})
	if _, most := writes.counts(); most == 0 || most > limit {
		t.Errorf("%d writes hung at the same time, want 1 to %d", most, limit)
	}

	proxy.Spoil(nil)
	for i := range limit {
		o.mustRecord(sender, fmt.Sprintf("evt_First%d", i))
	}
	for i := range more {
		o.mustRecord(sender, fmt.Sprintf("evt_More%d", i))
	}
	if diff := cmp.Diff(1+limit+more, len(o.events())); diff != "" {
		t.Errorf("events recorded (-want +got):\n%s", diff)
	}
}

// receive runs a receiver that writes through the proxy until the test ends.
func receive(t *testing.T, proxy *apiproxy.Proxy, namespace string, limit int, within time.Duration) Endpoint {
	t.Helper()
	access, err := client.New(proxy.Config(), client.Options{Scheme: app.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	record := &recorder.Recorder{Writer: access, Reader: access, Namespace: namespace}
	handler := receiver.NewHandler(func() []string { return []string{secret} }, limit, events.Decoder{}, record, clock.RealClock{}, logr.Discard())
	handler.RecordTimeout = within
	server := receiver.NewServer("127.0.0.1:0", nil, 0, handler, logr.Discard())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(server.Start(ctx), server.Drain()) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the receiver stopped with an error: %v", err)
		}
	})
	o := &operator{t: t}
	o.eventually("the receiver listens", func() string {
		if server.Addr() == nil {
			return "not listening"
		}
		return ""
	})
	return Endpoint{URL: fmt.Sprintf("http://%s%s", server.Addr(), receiver.Path), Secret: secret}
}

// postAtOnce posts n events concurrently, and returns a channel of the answers.
func (o *operator) postAtOnce(sender *http.Client, name string, n int) <-chan string {
	answers := make(chan string, n)
	var posts sync.WaitGroup
	for i := range n {
		posts.Go(func() { answers <- o.post(sender, fmt.Sprintf("%s%d", name, i)) })
	}
	go func() {
		posts.Wait()
		close(answers)
	}()
	return answers
}

// post posts an event and returns the answer, such as "200 {}", or the error.
func (o *operator) post(sender *http.Client, id string) string {
	body := Event{ID: id, Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")}.JSON()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Stripe-Signature", Sign(body, time.Now(), o.endpoint.Secret))
	response, err := sender.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", response.StatusCode, text)
}

func (o *operator) mustRecord(sender *http.Client, id string) {
	o.t.Helper()
	if got := o.post(sender, id); got != "200 {}" {
		o.t.Fatalf("posted again, %s is answered with %q", id, got)
	}
}

// tally counts the answers.
func tally(answers <-chan string) map[string]int {
	counts := map[string]int{}
	for a := range answers {
		counts[a]++
	}
	return counts
}

// inFlight returns the metric of requests in flight of all receivers in this process.
func inFlight(t *testing.T) int {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "tollkeeper_receiver_requests_in_flight" {
			return int(family.GetMetric()[0].GetGauge().GetValue())
		}
	}
	t.Fatal("there is no metric of the requests in flight")
	return 0
}
