package receiver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	secret = "whsec_current"
	// patience is when a test stops waiting and fails. No successful test waits that long.
	patience = 30 * time.Second
)

// noon is the present of the handler under test.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// fakeRecorder keeps events in memory.
type fakeRecorder struct {
	fails   error         // returned by Record, if not nil
	entered chan string   // gets the id of each event as Record begins, if not nil
	release chan struct{} // Record waits until it is closed, if not nil

	mu            sync.Mutex
	ids           []string
	types         []string
	running, most int
	endless       int // calls whose context had no deadline
}

func (r *fakeRecorder) Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	r.begin(ctx)
	defer r.done()
	if r.entered != nil {
		r.entered <- e.EventID
	}
	if r.release != nil {
		select {
		case <-r.release:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	if r.fails != nil {
		return false, r.fails
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.ids, e.EventID) {
		return false, nil
	}
	r.ids, r.types = append(r.ids, e.EventID), append(r.types, e.Type)
	return true, nil
}

func (r *fakeRecorder) begin(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running++
	r.most = max(r.most, r.running)
	if _, bounded := ctx.Deadline(); !bounded {
		r.endless++
	}
}

func (r *fakeRecorder) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
}

func (r *fakeRecorder) recorded() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.ids))
}

// blocked is a recorder that records nothing until it is released.
func blocked() *fakeRecorder {
	return &fakeRecorder{entered: make(chan string, 1000), release: make(chan struct{})}
}

// endpoint is a receiver that listens.
type endpoint struct {
	recorder *fakeRecorder
	clock    *clocktesting.FakePassiveClock
	handler  *Handler
	server   *Server
	log      *logLines
	returned chan error // the error of Start, or else of Drain
	client   *http.Client
}

// start runs a receiver on a free port. It is stopped with the test.
func start(t *testing.T, recorder *fakeRecorder, limit int, drainDelay time.Duration, secrets ...string) *endpoint {
	t.Helper()
	p := &endpoint{
		recorder: recorder, clock: clocktesting.NewFakePassiveClock(noon), log: newLogLines(), returned: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{}, Timeout: patience},
	}
	p.handler = NewHandler(func() []string { return secrets }, limit, events.Decoder{}, recorder, p.clock, p.log.logger())
	p.server = NewServer("127.0.0.1:0", nil, drainDelay, p.handler, p.log.logger())
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		err := p.server.Start(ctx)
		if err == nil {
			err = p.server.Drain()
		}
		p.returned <- err
	}()
	p.log.await(t, "Receiver is listening")
	t.Cleanup(func() {
		stop()
		p.client.CloseIdleConnections()
		_ = p.server.http.Close()
	})
	return p
}

// open is the usual receiver: one secret, room for many, no delay.
func open(t *testing.T, recorder *fakeRecorder) *endpoint {
	t.Helper()
	return start(t, recorder, 100, 0, secret)
}

// await polls until holds is true.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	giveUp := time.After(patience)
	for !holds() {
		select {
		case <-look.C:
		case <-giveUp:
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// waiting is how many clients wait in the queue.
func waiting(q *admissionQueue) int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.waiting.Len()
}

// awaitingHeaders is how many connections wait for a header, or to be read from.
func awaitingHeaders(c *connections) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.places)
}

// holding is how many bodies hold memory of the budget.
func holding(b *budget) int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.holders.Len()
}

// dial opens a connection, for what an HTTP client would not send.
func (p *endpoint) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	connection, err := net.DialTCP("tcp", nil, p.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(patience))
	return connection
}

// send sends the request.
func (p *endpoint) send(t *testing.T, r *request) reply {
	t.Helper()
	reply, err := p.try(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func (p *endpoint) try(ctx context.Context, r *request) (reply, error) {
	var body io.Reader = bytes.NewReader(r.body)
	if r.chunks {
		body = struct{ io.Reader }{body} // hides the length from the client
	}
	httpRequest, err := http.NewRequestWithContext(ctx, r.method, "http://"+p.server.Addr().String()+r.path, body)
	if err != nil {
		return reply{}, err
	}
	maps.Copy(httpRequest.Header, r.header)
	response, err := p.client.Do(httpRequest)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	return read(response)
}

// background sends the request and delivers its reply.
func (p *endpoint) background(t *testing.T, r *request) <-chan reply {
	t.Helper()
	replies := make(chan reply, 1)
	go func() {
		reply, err := p.try(context.Background(), r)
		if err != nil {
			t.Errorf("request in the background: %v", err)
		}
		replies <- reply
	}()
	return replies
}

// reply is the answer as the client sees it.
type reply struct {
	Code   int
	Body   string
	Header map[string]string // without Date and Content-Length
}

func read(response *http.Response) (reply, error) {
	body, err := io.ReadAll(response.Body)
	header := map[string]string{}
	for name, values := range response.Header {
		if name != "Date" && name != "Content-Length" {
			header[name] = strings.Join(values, ", ")
		}
	}
	return reply{Code: response.StatusCode, Body: string(body), Header: header}, err
}

// answered is a reply with the headers of every refusal, and the additional ones given in pairs.
func answered(code int, body string, pairs ...string) reply {
	header := map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
	for i := 0; i < len(pairs); i += 2 {
		header[pairs[i]] = pairs[i+1]
	}
	return reply{Code: code, Body: body, Header: header}
}

// respond reads one response from the connection.
func respond(t *testing.T, from io.Reader) (got reply, closes bool) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(from), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if got, err = read(response); err != nil {
		t.Fatal(err)
	}
	return got, response.Close
}

// The replies that ask the client to send the event again.
var (
	notRecordedReply = answered(503, "not recorded; try again\n", "Retry-After", "5")
	noMemoryReply    = answered(503, "too many bodies arrive; try again\n", "Retry-After", "5")
	overloadReply    = answered(503, "too many requests in flight\n", "Retry-After", "5")
	tooSlowReply     = answered(503, "body sent too slowly while other requests wait; try again\n", "Retry-After", "5")
)

// acknowledged is the one reply that ends Stripe's retries.
func acknowledged() reply { return answered(200, "{}", "Content-Type", "application/json") }

// request builds a request.
type request struct {
	method, path string
	body         []byte
	chunks       bool
	header       http.Header
}

// post is an unsigned request as Stripe sends it.
func post(body []byte) *request {
	return &request{method: http.MethodPost, path: Path, body: body, header: http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"Stripe/1.0 (+https://stripe.com/docs/webhooks)"},
	}}
}

// signed is a request exactly as Stripe sends it.
func signed(body []byte) *request {
	return post(body).with("Stripe-Signature", header(noon, sign(secret, noon, body)))
}

func (r *request) as(method string) *request { r.method = method; return r }
func (r *request) to(path string) *request   { r.path = path; return r }
func (r *request) chunked() *request         { r.chunks = true; return r }
func (r *request) with(name, value string) *request {
	r.header[name] = append(r.header[name], value)
	return r
}

// sign is Stripe's signature, computed from its documentation and not by the library that the receiver uses.
// See https://docs.stripe.com/webhooks#verify-manually.
func sign(secret string, at time.Time, body []byte) string {
	return hmacOf(secret, fmt.Sprintf("%d.%s", at.Unix(), body))
}

func hmacOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// header is a signature header with v1 signatures.
func header(at time.Time, signatures ...string) string {
	h := fmt.Sprintf("t=%d", at.Unix())
	for _, signature := range signatures {
		h += ",v1=" + signature
	}
	return h
}

// event is an event's body.
func event(id, eventType string) []byte {
	return stripetest.Event{
		ID: id, Type: eventType, Created: noon, Shape: stripetest.New,
		Object: stripetest.Customer("cus_A", "ada@example.com", "Ada Lovelace"),
	}.JSON()
}

// padded is the body with trailing blanks, which JSON allows, up to the size.
func padded(body []byte, size int) []byte {
	return append(slices.Clip(body), bytes.Repeat([]byte{' '}, size-len(body))...)
}

// counted reads the counter of requests, by code and reason.
func counted(t *testing.T) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for _, sample := range gather(t, metrics.Requests) {
		counts[sample.labels] = sample.value
	}
	return counts
}

// since is what was counted after before.
func since(t *testing.T, before map[string]float64) map[string]float64 {
	t.Helper()
	delta := map[string]float64{}
	for labels, count := range counted(t) {
		if count != before[labels] {
			delta[labels] = count - before[labels]
		}
	}
	return delta
}

type sample struct {
	labels string
	value  float64
}

func gather(t *testing.T, collector prometheus.Collector) []sample {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			samples = append(samples, sample{strings.Join(labels, " "), value})
		}
	}
	return samples
}

// logLines keeps what is logged.
type logLines struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

func newLogLines() *logLines { return &logLines{more: make(chan struct{})} }

func (l *logLines) logger() logr.Logger {
	return funcr.New(func(_, line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, line)
		close(l.more)
		l.more = make(chan struct{})
	}, funcr.Options{})
}

func (l *logLines) text() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n"), l.more
}

// await returns once the message was logged.
func (l *logLines) await(t *testing.T, message string) {
	t.Helper()
	giveUp := time.After(patience)
	for {
		text, more := l.text()
		if strings.Contains(text, message) {
			return
		}
		select {
		case <-more:
		case <-giveUp:
			t.Fatalf("%q was never logged, only:\n%s", message, text)
		}
	}
}

// receive takes one value from the channel.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatal("nothing received")
		panic("unreachable")
	}
}
