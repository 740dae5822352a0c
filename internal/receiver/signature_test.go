package receiver

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76/webhook"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/internal/events"
)

// body is the event that every signature below covers.
var body = event("evt_1", "customer.updated")

// refusedSignature is the reply to every bad signature, whatever is wrong with it.
var refusedSignature = answered(400, "signature verification failed\n")

// badHeaders are refused before the body is read: by what is wrong, the headers and the reason that is counted.
var badHeaders = map[string]struct {
	headers []string
	want    string
}{
	"absent":                  {nil, "signature_absent"},
	"empty":                   {[]string{""}, "signature_absent"},
	"blank":                   {[]string{"  "}, "signature_absent"},
	"no pairs":                {[]string{"sha256"}, "signature_malformed"},
	"two headers, both good":  {[]string{good(noon), good(noon)}, "signature_malformed"},
	"two headers, one empty":  {[]string{good(noon), ""}, "signature_malformed"},
	"no v1":                   {[]string{header(noon)}, "signature_malformed"},
	"only v0":                 {[]string{header(noon) + ",v0=" + sign(secret, noon, body)}, "signature_malformed"},
	"no t":                    {[]string{"v1=" + sign(secret, noon, body)}, "signature_malformed"},
	"two t, both right":       {[]string{header(noon) + "," + good(noon)}, "signature_malformed"},
	"two t, one stale":        {[]string{header(stale) + "," + good(noon)}, "signature_malformed"},
	"t is empty":              {[]string{"t=,v1=" + sign(secret, noon, body)}, "signature_malformed"},
	"t is a word":             {[]string{"t=now,v1=" + sign(secret, noon, body)}, "signature_malformed"},
	"t has a fraction":        {[]string{fmt.Sprintf("t=%d.5,v1=%s", noon.Unix(), sign(secret, noon, body))}, "signature_malformed"},
	"t is over 64 bits":       {[]string{"t=9223372036854775808,v1=" + sign(secret, noon, body)}, "signature_malformed"},
	"v0 with two =":           {[]string{good(noon) + ",v0=0=00"}, "signature_malformed"},
	"v1 with two =":           {[]string{good(noon) + ",v1=0="}, "signature_malformed"},
	"t with two =":            {[]string{good(noon) + ",t=1=1"}, "signature_malformed"},
	"an empty pair at an end": {[]string{good(noon) + ","}, "signature_malformed"},
	"older than 300 s":        {[]string{good(stale)}, "signature_stale"},
	"of 1970":                 {[]string{good(time.Unix(0, 0))}, "signature_stale"},
	"before 1970":             {[]string{good(time.Unix(-1, 0))}, "signature_stale"},
	"newer than 300 s":        {[]string{good(noon.Add(301 * time.Second))}, "signature_future"},
	"of the year 3000":        {[]string{good(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC))}, "signature_future"},
}

var stale = noon.Add(-301 * time.Second)

// good is the header of a body signed correctly at a time that may be stale.
func good(at time.Time) string { return header(at, sign(secret, at, body)) }

func TestBadSignatureHeaders(t *testing.T) {
	p := open(t, &fakeRecorder{})
	for name, tc := range badHeaders {
		t.Run(name, func(t *testing.T) {
			r := post(body)
			for _, value := range tc.headers {
				r.with("Stripe-Signature", value)
			}
			before := counted(t)
			if diff := cmp.Diff(refusedSignature, p.send(t, r)); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]float64{"400 " + tc.want: 1}, since(t, before)); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
		})
	}
	if ids := p.recorder.recorded(); len(ids) > 0 {
		t.Errorf("recorded: %v", ids)
	}
}

// A bad header costs no memory: the receiver does not read the body.
func TestBadSignatureHeadersKeepTheBodyUnread(t *testing.T) {
	for name, tc := range badHeaders {
		t.Run(name, func(t *testing.T) {
			now := clocktesting.NewFakePassiveClock(noon)
			h := NewHandler(func() []string { return []string{secret} }, 1, events.Decoder{}, &fakeRecorder{}, now, newLogLines().logger())
			r := httptest.NewRequest(http.MethodPost, Path, tripwire{t})
			r.Header["Stripe-Signature"] = tc.headers
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest {
				t.Errorf("code %d, want 400", w.Code)
			}
		})
	}
}

// tripwire is a body that must not be read.
type tripwire struct{ t *testing.T }

func (w tripwire) Read([]byte) (int, error) {
	w.t.Error("the body was read")
	return 0, fmt.Errorf("the body was read")
}

// A client that sends "Expect: 100-continue" is refused before it sends the body.
func TestBadSignatureHeaderOnTheWire(t *testing.T) {
	p := open(t, &fakeRecorder{})
	connection := p.dial(t)
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nStripe-Signature: %s\r\n", Path, good(stale))
	fmt.Fprint(connection, "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("HTTP/1.1 400 Bad Request\r\n", line); diff != "" {
		t.Errorf("first line of the reply (-want +got):\n%s", diff)
	}
}

func TestSignatures(t *testing.T) {
	const recorded = "200 recorded"
	const mismatch, old, future = "400 signature_mismatch", "400 signature_stale", "400 signature_future"
	right := sign(secret, noon, body)
	wrong := sign("whsec_other", noon, body)
	for name, tc := range map[string]struct {
		secrets []string
		header  string
		clock   time.Duration // since noon
		want    string
	}{
		"right":                        {header: header(noon, right), want: recorded},
		"right, by Stripe itself":      {header: byStripe(noon), want: recorded},
		"right, in upper case":         {header: header(noon, strings.ToUpper(right)), want: recorded},
		"exactly 300 s old":            {header: good(noon.Add(-300 * time.Second)), want: recorded},
		"300 s and a moment old":       {header: good(noon.Add(-300 * time.Second)), clock: 1, want: old},
		"exactly 300 s ahead":          {header: good(noon.Add(300 * time.Second)), want: recorded},
		"300 s and a moment ahead":     {header: good(noon.Add(300 * time.Second)), clock: -1, want: future},
		"by the first of two secrets":  {secrets: []string{secret, "whsec_old"}, header: header(noon, right), want: recorded},
		"by the second of two secrets": {secrets: []string{"whsec_new", secret}, header: header(noon, right), want: recorded},
		"by the third of three": {
			secrets: []string{"whsec_1", "whsec_2", secret},
			header:  header(noon, right), want: recorded,
		},
		"by no secret of two":             {secrets: []string{"whsec_1", "whsec_2"}, header: header(noon, right), want: mismatch},
		"by another secret":               {header: header(noon, wrong), want: mismatch},
		"by no secret at all":             {header: header(noon, sign("", noon, body)), want: mismatch},
		"a good one after a bad one":      {header: header(noon, wrong, right), want: recorded},
		"a good one before a bad one":     {header: header(noon, right, wrong), want: recorded},
		"a good one after what is no hex": {header: header(noon, "zz", right), want: recorded},
		"a good one after others":         {header: header(noon) + ",v0=" + wrong + ",v2=x,v1=" + right, want: recorded},
		"a good one, t last":              {header: "v1=" + right + "," + header(noon), want: recorded},
		"bad ones only":                   {header: header(noon, wrong, wrong), want: mismatch},
		"good as v0, bad as v1":           {header: header(noon, wrong) + ",v0=" + right, want: mismatch},
		"good as V1":                      {header: header(noon, wrong) + ",V1=" + right, want: mismatch},
		"empty":                           {header: header(noon, ""), want: mismatch},
		"no hex":                          {header: header(noon, "signature"), want: mismatch},
		"cut off":                         {header: header(noon, right[:62]), want: mismatch},
		"with more behind it":             {header: header(noon, right+"00"), want: mismatch},
		"of another time":                 {header: header(noon.Add(time.Second), right), want: mismatch},
		"of another body":                 {header: header(noon, sign(secret, noon, event("evt_2", "x"))), want: mismatch},
		"of the body without the time":    {header: header(noon, hmacOf(secret, string(body))), want: mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.secrets == nil {
				tc.secrets = []string{secret}
			}
			p := start(t, &fakeRecorder{}, 1, 0, tc.secrets...)
			p.clock.SetTime(noon.Add(tc.clock))
			wantReply, wantIDs := refusedSignature, []string(nil)
			if tc.want == recorded {
				wantReply, wantIDs = acknowledged(), []string{"evt_1"}
			}
			before := counted(t)
			if diff := cmp.Diff(wantReply, p.send(t, post(body).with("Stripe-Signature", tc.header))); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]float64{tc.want: 1}, since(t, before)); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(wantIDs, p.recorder.recorded()); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
		})
	}
}

func byStripe(at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at}).Header
}

// A header can name times that no clock shows. None of them is accepted as now.
func TestAbsurdTimes(t *testing.T) {
	for _, seconds := range []int64{-1 << 63, -1<<63 + 1, -62135596801, -62135596800, 1<<63 - 62135596801, 1<<63 - 1} {
		t.Run(strconv.FormatInt(seconds, 10), func(t *testing.T) {
			value := good(time.Unix(seconds, 0))
			_, reason := checkHeader(http.Header{"Stripe-Signature": {value}}, noon)
			if reason != reasonStale && reason != reasonFuture {
				t.Errorf("reason %q", reason)
			}
		})
	}
}
