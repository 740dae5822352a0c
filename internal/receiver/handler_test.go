package receiver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// TestAnswers has every row of the endpoint's contract: the request, the reply, the count and the record.
// signature_test.go has the rows about signatures.
func TestAnswers(t *testing.T) {
	known, unknown := event("evt_1", "customer.updated"), event("evt_1", "radar.early_fraud_warning.created")
	once := []string{"evt_1"}
	tooLarge := answered(413, "body over 1 MiB\n")
	noSuchPath := answered(404, "not found\n")
	wrongMethod := answered(405, "method not allowed\n", "Allow", "POST")
	wrongEncoding := answered(415, "content encoding not supported\n")

	for name, tc := range map[string]struct {
		request      *request
		recorder     *fakeRecorder
		want         reply
		wantCounted  string // empty if the handler was never reached
		wantRecorded []string
	}{
		"a handled type": {
			request: signed(known),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"a type that is not handled": {
			request: signed(unknown),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"an event that was recorded before": {
			request:  signed(known),
			recorder: &fakeRecorder{ids: []string{"evt_1"}},
			want:     acknowledged(), wantCounted: "200 duplicate", wantRecorded: once,
		},
		"with a query": {
			request: signed(known).to(Path + "?tenant=1"),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"in chunks": {
			request: signed(known).chunked(),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"of any content type": {
			request: signed(known).with("Content-Type", "text/plain"),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},

		"no JSON": {
			request: signed([]byte("evt_1")),
			want: answered(400, "not a Stripe event: not a JSON object: "+
				"invalid character 'e' looking for beginning of value\n"),
			wantCounted: "400 not_an_event",
		},
		"an empty body": {
			request: signed(nil),
			want:    answered(400, "not a Stripe event: not a JSON object: EOF\n"), wantCounted: "400 not_an_event",
		},
		"an event cut off": {
			request: signed(known[:len(known)-1]),
			want:    answered(400, "not a Stripe event: not a JSON object: unexpected EOF\n"), wantCounted: "400 not_an_event",
		},
		"two events in one body": {
			request: signed(append(event("evt_1", "a"), event("evt_2", "b")...)),
			want:    answered(400, "not a Stripe event: not a JSON object: more data follows it\n"), wantCounted: "400 not_an_event",
		},
		"a thin event without a time": {
			request: signed([]byte(`{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered"}`)),
			want:    answered(400, "not a Stripe event: the event has no creation time\n"), wantCounted: "400 not_an_event",
		},
		"Stripe's ping": {
			request: signed([]byte(`{"id":"evt_1","object":"v2.core.event","type":"v2.core.event_destination.ping",
				"created":"2026-01-31T12:00:00.246Z","livemode":false,"context":null,"reason":null,
				"related_object":{"id":"ed_1","type":"v2.core.event_destination","url":"/v2/core/event_destinations/ed_1"}}`)),
			want: acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"no id": {
			request: signed([]byte(`{"object":"event","type":"invoice.paid","created":1,"data":{"object":{}}}`)),
			want:    answered(400, "not a Stripe event: the event has no id\n"), wantCounted: "400 not_an_event",
		},

		"exactly 1 MiB": {
			request: signed(padded(known, 1<<20)),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"exactly 1 MiB, in chunks": {
			request: signed(padded(known, 1<<20)).chunked(),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"1 MiB and a byte": {
			request: signed(padded(known, 1<<20+1)),
			want:    tooLarge, wantCounted: "413 too_large",
		},
		"1 MiB and a byte, in chunks": {
			request: signed(padded(known, 1<<20+1)).chunked(),
			want:    tooLarge, wantCounted: "413 too_large",
		},

		"zipped": {
			request: signed(known).with("Content-Encoding", "gzip"),
			want:    wrongEncoding, wantCounted: "415 encoding",
		},
		"zipped at last": {
			request: signed(known).with("Content-Encoding", "identity, gzip"),
			want:    wrongEncoding, wantCounted: "415 encoding",
		},
		"zipped, in two fields": {
			request: signed(known).with("Content-Encoding", "identity").with("Content-Encoding", "br"),
			want:    wrongEncoding, wantCounted: "415 encoding",
		},
		"zipped and unsigned": {
			request: post(known).with("Content-Encoding", "gzip"),
			want:    wrongEncoding, wantCounted: "415 encoding",
		},
		"as it is": {
			request: signed(known).with("Content-Encoding", "identity"),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"as it is, in other letters": {
			request: signed(known).with("Content-Encoding", "Identity"),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},

		"GET":     {request: signed(known).as("GET"), want: wrongMethod, wantCounted: "405 method"},
		"PUT":     {request: signed(known).as("PUT"), want: wrongMethod, wantCounted: "405 method"},
		"DELETE":  {request: signed(known).as("DELETE"), want: wrongMethod, wantCounted: "405 method"},
		"OPTIONS": {request: signed(known).as("OPTIONS"), want: wrongMethod, wantCounted: "405 method"},
		"HEAD": {
			request: post(nil).as("HEAD"),
			want:    answered(405, "", "Allow", "POST"), wantCounted: "405 method",
		},

		"root":                  {request: signed(known).to("/"), want: noSuchPath, wantCounted: "404 not_found"},
		"a path above":          {request: signed(known).to("/webhooks"), want: noSuchPath, wantCounted: "404 not_found"},
		"a path below":          {request: signed(known).to(Path + "/1"), want: noSuchPath, wantCounted: "404 not_found"},
		"a slash at the end":    {request: signed(known).to(Path + "/"), want: noSuchPath, wantCounted: "404 not_found"},
		"in other letters":      {request: signed(known).to("/Webhooks/Stripe"), want: noSuchPath, wantCounted: "404 not_found"},
		"two slashes":           {request: signed(known).to("/webhooks//stripe"), want: noSuchPath, wantCounted: "404 not_found"},
		"GET from another path": {request: signed(known).to("/metrics").as("GET"), want: noSuchPath, wantCounted: "404 not_found"},

		"a refusing API server": {
			request:  signed(known),
			recorder: &fakeRecorder{fails: errors.New("the API server is down")},
			want:     notRecordedReply, wantCounted: "503 not_recorded",
		},

		"a header of many kilobytes": {
			request: signed(known).with("X-Padding", strings.Repeat("x", 15<<10)),
			want:    acknowledged(), wantCounted: "200 recorded", wantRecorded: once,
		},
		"a header over the limit": {
			request: signed(known).with("X-Padding", strings.Repeat("x", 32<<10)),
			want: reply{Code: 431, Body: "431 Request Header Fields Too Large", Header: map[string]string{
				"Content-Type": "text/plain; charset=utf-8",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.recorder == nil {
				tc.recorder = &fakeRecorder{}
			}
			p := open(t, tc.recorder)
			before := counted(t)
			if diff := cmp.Diff(tc.want, p.send(t, tc.request)); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			wantCounted := map[string]float64{}
			if tc.wantCounted != "" {
				wantCounted[tc.wantCounted] = 1
			}
			if diff := cmp.Diff(wantCounted, since(t, before)); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantRecorded, p.recorder.recorded()); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
			log, _ := p.log.text()
			for _, private := range []string{"ada@", "Lovelace", secret} {
				if strings.Contains(log, private) {
					t.Errorf("%q is in the log:\n%s", private, log)
				}
			}
		})
	}
}

// The decoded event is what reaches the recorder, not only an id.
func TestRecorderGetsTheEvent(t *testing.T) {
	p := open(t, &fakeRecorder{})
	p.send(t, signed(event("evt_1", "customer.updated")))
	p.send(t, signed(event("evt_2", "no.such.type")))
	if diff := cmp.Diff([]string{"customer.updated", "no.such.type"}, p.recorder.types); diff != "" {
		t.Errorf("types recorded (-want +got):\n%s", diff)
	}
	if p.recorder.endless > 0 {
		t.Errorf("the recorder may take forever over %d events: their contexts have no deadline", p.recorder.endless)
	}
}

// Stripe never repeats an event after a 2xx: the answer waits for the recorder and depends on its result.
func TestTheAnswerWaitsForTheRecorder(t *testing.T) {
	for name, tc := range map[string]struct {
		fails error
		want  reply
	}{
		"slow, then recorded": {nil, acknowledged()},
		"slow, then refused":  {errors.New("etcd is full"), notRecordedReply},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, blocked())
			p.recorder.fails = tc.fails
			answer := p.background(t, signed(event("evt_1", "customer.updated")))
			receive(t, p.recorder.entered)
			select {
			case early := <-answer:
				t.Fatalf("answered before it was recorded: %+v", early)
			default:
			}
			close(p.recorder.release)
			if diff := cmp.Diff(tc.want, receive(t, answer)); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

// A client that hangs up ends the wait for the API server, and is not counted as served.
func TestAClientHangsUp(t *testing.T) {
	p := open(t, blocked())
	before := counted(t)
	ctx, hangUp := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() {
		_, err := p.try(ctx, signed(event("evt_1", "customer.updated")))
		gone <- err
	}()
	receive(t, p.recorder.entered)
	hangUp()
	if err := receive(t, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the client has hung up", err)
	}
	p.log.await(t, "Event not recorded")
	if log, _ := p.log.text(); !strings.Contains(log, context.Canceled.Error()) {
		t.Errorf("the recorder went on until something else stopped it:\n%s", log)
	}
	await(t, "the request to be counted", func() bool { return len(since(t, before)) > 0 })
	if diff := cmp.Diff(map[string]float64{"503 not_recorded": 1}, since(t, before)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// A body that ends early is refused, even if the part that arrived has a valid signature.
func TestABodyCutOffOnTheWire(t *testing.T) {
	p := open(t, &fakeRecorder{})
	before := counted(t)
	connection := p.dial(t)
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s",
		Path, good(noon), len(body)+1, body)
	if err := connection.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	got, err := read(response)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answered(400, "body could not be read\n"), got); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"400 body_unreadable": 1}, since(t, before)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if ids := p.recorder.recorded(); len(ids) > 0 {
		t.Errorf("recorded: %v", ids)
	}
}

// A Content-Length over the limit is refused before any of the body is read.
func TestALengthOverTheLimitOnTheWire(t *testing.T) {
	p := open(t, &fakeRecorder{})
	connection := p.dial(t)
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\n", Path, good(noon))
	fmt.Fprintf(connection, "Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", 1<<20+1)
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("HTTP/1.1 413 Request Entity Too Large\r\n", line); diff != "" {
		t.Errorf("first line of the reply (-want +got):\n%s", diff)
	}
}

func TestOverload(t *testing.T) {
	p := start(t, blocked(), 2, 0, secret)
	before := counted(t)
	first := p.background(t, signed(event("evt_1", "customer.updated")))
	second := p.background(t, signed(event("evt_2", "customer.updated")))
	receive(t, p.recorder.entered)
	receive(t, p.recorder.entered)
	if diff := cmp.Diff([]sample{{"", 2}}, gather(t, metrics.InFlight), cmp.AllowUnexported(sample{})); diff != "" {
		t.Errorf("in flight (-want +got):\n%s", diff)
	}

	// The first two are still blocked. The following requests are answered at once.
	if diff := cmp.Diff(overloadReply, p.send(t, signed(event("evt_3", "customer.updated")))); diff != "" {
		t.Errorf("reply to the third (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(refusedSignature, p.send(t, post(event("evt_4", "customer.updated")))); diff != "" {
		t.Errorf("reply to an unsigned request (-want +got):\n%s", diff)
	}

	close(p.recorder.release)
	for _, answer := range []<-chan reply{first, second} {
		if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
			t.Errorf("reply to those in flight (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(event("evt_3", "customer.updated")))); diff != "" {
		t.Errorf("reply to the third, sent again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"evt_1", "evt_2", "evt_3"}, p.recorder.recorded()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	want := map[string]float64{"200 recorded": 3, "503 overload": 1, "400 signature_absent": 1}
	if diff := cmp.Diff(want, since(t, before)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]sample{{"", 0}}, gather(t, metrics.InFlight), cmp.AllowUnexported(sample{})); diff != "" {
		t.Errorf("in flight afterwards (-want +got):\n%s", diff)
	}
}

// A request that is refused for overload costs no memory for its body.
func TestOverloadKeepsTheBodyUnread(t *testing.T) {
	p := start(t, &fakeRecorder{}, 1, 0, secret)
	p.handler.inFlight <- struct{}{}
	r := httptest.NewRequest(http.MethodPost, Path, tripwire{t})
	r.Header.Set("Stripe-Signature", good(noon))
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("code %d, want 503", w.Code)
	}
}

// Every answer frees the request's slot. With one slot, a leak would refuse the next request.
func TestEveryAnswerFreesItsSlot(t *testing.T) {
	p := start(t, &fakeRecorder{}, 1, 0, secret)
	for _, r := range []*request{
		signed(body), signed(body), signed([]byte("no JSON")), signed(padded(body, 1<<20+1)), signed(padded(body, 1<<20+1)).chunked(),
		post(body).with("Stripe-Signature", header(noon, sign("whsec_other", noon, body))),
		post(body), signed(body).as("PUT"), signed(body).to("/"),
	} {
		p.send(t, r)
	}
	p.recorder.fails = errors.New("the API server is down")
	p.send(t, signed(body))
	p.recorder.fails = nil
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(event("evt_9", "customer.updated")))); diff != "" {
		t.Errorf("reply to the last (-want +got):\n%s", diff)
	}
}

// More writes than the limit wait for a slot, and all are recorded.
func TestWritesQueue(t *testing.T) {
	p := start(t, blocked(), maxWrites+2, 0, secret)
	var answers []<-chan reply
	for i := range maxWrites + 2 {
		answers = append(answers, p.background(t, signed(event(fmt.Sprintf("evt_%d", i), "customer.updated"))))
	}
	for range maxWrites {
		receive(t, p.recorder.entered)
	}
	await(t, "all to be in flight", func() bool { return len(p.handler.inFlight) == maxWrites+2 })
	close(p.recorder.release)
	for _, answer := range answers {
		if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
			t.Errorf("reply (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(maxWrites, p.recorder.most); diff != "" {
		t.Errorf("most writes at a time (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(maxWrites+2, len(p.recorder.recorded())); diff != "" {
		t.Errorf("events recorded (-want +got):\n%s", diff)
	}
}

// Simultaneous deliveries record one event, and all are acknowledged.
func TestDeliveriesAtOnce(t *testing.T) {
	const n = 20
	p := open(t, &fakeRecorder{})
	before := counted(t)
	var answers []<-chan reply
	for range n {
		answers = append(answers, p.background(t, signed(body)))
	}
	for _, answer := range answers {
		if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
			t.Errorf("reply (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"evt_1"}, p.recorder.recorded()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"200 recorded": 1, "200 duplicate": n - 1}, since(t, before)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// The handler's clock also times the answers.
func TestAnswersAreTimed(t *testing.T) {
	p := open(t, &fakeRecorder{})
	observed := func() float64 {
		for _, s := range gather(t, metrics.RequestSeconds) {
			if s.labels == "404" {
				return s.value
			}
		}
		return 0
	}
	before := observed()
	p.send(t, post(nil).to("/"))
	if diff := cmp.Diff(before+1, observed()); diff != "" {
		t.Errorf("answers timed (-want +got):\n%s", diff)
	}
}
