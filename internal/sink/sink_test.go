package sink

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	clocktesting "k8s.io/utils/clock/testing"
)

var now = clocktesting.NewFakePassiveClock(time.Now())

// post sends an event to the handler and returns the error.
func post(t *testing.T, handler http.HandlerFunc, secrets ...[]byte) error {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return New(server.URL+"/hook?token=canary", func() [][]byte { return secrets }, now).Send(t.Context(), "id-1", []byte(`{"specversion":"1.0"}`))
}

// The library of Standard Webhooks verifies what is sent, with the old secret and with the new one, and with no other.
func TestTheSignatureIsThatOfStandardWebhooks(t *testing.T) {
	old, current, other := []byte(strings.Repeat("a", 24)), []byte(strings.Repeat("b", 64)), []byte(strings.Repeat("c", 24))
	err := post(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, tc := range map[string]struct {
			secret []byte
			want   bool
		}{"old": {old, true}, "current": {current, true}, "other": {other, false}} {
			webhook, err := standardwebhooks.NewWebhookRaw(tc.secret)
			if err != nil {
				t.Error(err)
				continue
			}
			if err := webhook.Verify(body, r.Header); (err == nil) != tc.want {
				t.Errorf("verified with the %s secret: %v", name, err)
			}
			if err := webhook.Verify(append(body, ' '), r.Header); err == nil {
				t.Errorf("another body is verified with the %s secret", name)
			}
		}
		if got := r.Header.Get("Content-Type"); got != "application/cloudevents+json; charset=UTF-8" {
			t.Errorf("Content-Type is %q", got)
		}
		if got := r.Header.Get("Webhook-Id"); got != "id-1" {
			t.Errorf("Webhook-Id is %q", got)
		}
		w.WriteHeader(http.StatusAccepted)
	}, old, current)
	if err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	answer := func(code int, retryAfter string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", retryAfter)
			w.Header().Set("Location", "/elsewhere-canary")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "canary@example.com")
		}
	}
	unavailable := func(code int, wait time.Duration) error {
		return &UnavailableError{Code: code, RetryAfter: wait}
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"200":                           {answer(200, ""), nil},
		"204":                           {answer(204, ""), nil},
		"a redirect":                    {answer(302, ""), &RefusedError{Code: 302}},
		"a redirect that repeats":       {answer(307, ""), &RefusedError{Code: 307}},
		"304":                           {answer(304, ""), &RefusedError{Code: 304}},
		"400":                           {answer(400, "5"), &RefusedError{Code: 400}},
		"401":                           {answer(401, ""), &RefusedError{Code: 401}},
		"410":                           {answer(410, ""), &RefusedError{Code: 410}},
		"408":                           {answer(408, ""), unavailable(408, 0)},
		"425":                           {answer(425, ""), unavailable(425, 0)},
		"429":                           {answer(429, "7"), unavailable(429, 7*time.Second)},
		"500":                           {answer(500, "no number"), unavailable(500, 0)},
		"503 until a time":              {answer(503, now.Now().Add(90*time.Second).UTC().Format(http.TimeFormat)), unavailable(503, 90*time.Second)},
		"503 until a past time":         {answer(503, now.Now().Add(-time.Minute).UTC().Format(http.TimeFormat)), unavailable(503, 0)},
		"503 for longer than the limit": {answer(503, "4294967295"), unavailable(503, time.Hour)},
		"no answer":                     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, unavailable(0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			err := post(t, tc.handler, []byte("secret"))
			if diff := cmp.Diff(tc.want, err, cmpopts.IgnoreUnexported(RefusedError{}, UnavailableError{}),
				cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= time.Second })); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error repeats the URL or the answer: %v", err)
			}
		})
	}
}

func TestASinkThatIsAwayIsUnavailable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := New(server.URL+"/canary", func() [][]byte { return nil }, now).Send(t.Context(), "id", nil)
	if _, ok := err.(*UnavailableError); !ok || strings.Contains(err.Error(), "canary") { //nolint:errorlint // it is not wrapped
		t.Errorf("the error is %#v", err)
	}
}
