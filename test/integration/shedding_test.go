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

// holder holds every write on its way to the API server until the client gives up.
type holder struct {
	mutex      sync.Mutex
	held, most int
}

func (h *holder) judge(r *http.Request) apiproxy.Verdict {
	if !apiproxy.IsWrite(r) {
		return apiproxy.Pass
	}
	_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
	h.count(+1)
	defer h.count(-1)
	<-r.Context().Done()
	return apiproxy.LoseRequest
}

func (h *holder) count(n int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.held += n
	h.most = max(h.most, h.held)
}

func (h *holder) now() (held, most int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.held, h.most
}

// An API server that does not answer in time holds up as many events as the limit allows, and for as long as they may take. All others are
// sent away at once, nothing is left of any, and each is recorded when Stripe sends it again.
func TestAnAPIServerThatHangs(t *testing.T) {
	const limit, more = 40, 300 // the limit is more than are written at a time: some wait for their turn
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
		t.Fatalf("answers while nothing hangs (-want +got):\n%s", diff)
	}
	goroutines := runtime.NumGoroutine()

	hang := &holder{}
	proxy.Spoil(hang.judge)
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
		t.Errorf("%d of those in flight are answered before those who were sent away at once", early)
	}
	if diff := cmp.Diff(map[string]int{"503 not recorded; try again\n": limit}, tally(first)); diff != "" {
		t.Errorf("answers of those in flight (-want +got):\n%s", diff)
	}
	o.eventually("nothing is left of them", func() string {
		held, _ := hang.now()
		if now := runtime.NumGoroutine(); held > 0 || now > goroutines {
			return fmt.Sprintf("%d writes hang; %d goroutines, %d before", held, now, goroutines)
		}
		return ""
	})
	if _, most := hang.now(); most == 0 || most > limit {
		t.Errorf("%d writes hung at a time, want some, and at most %d", most, limit)
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

// receive runs a receiver that writes through the proxy, until the test ends.
func receive(t *testing.T, proxy *apiproxy.Proxy, namespace string, limit int, within time.Duration) Endpoint {
	t.Helper()
	access, err := client.New(proxy.Config(), client.Options{Scheme: app.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	record := &recorder.Recorder{Writer: access, Reader: access, Namespace: namespace}
	handler := receiver.NewHandler([]string{secret}, limit, events.Decoder{}, record, clock.RealClock{}, logr.Discard())
	handler.RecordTimeout = within
	server := receiver.NewServer("127.0.0.1:0", nil, 0, handler, logr.Discard())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(server.Start(ctx), server.Drain()) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the receiver ended with an error: %v", err)
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

// postAtOnce posts n events, and delivers the answers as they come.
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

// post posts an event and returns the answer, "200 {}", or why there is none.
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
		o.t.Fatalf("%s, sent again, is answered %q", id, got)
	}
}

// tally counts how often each answer came.
func tally(answers <-chan string) map[string]int {
	counts := map[string]int{}
	for a := range answers {
		counts[a]++
	}
	return counts
}

// inFlight is how many events the receivers of this process say they work on.
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
	t.Fatal("there is no metric of what is in flight")
	return 0
}
