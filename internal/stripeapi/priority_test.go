package stripeapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// What thin events lead to waits while a doubt does: a flood of them delays no decision.
func TestThinEventsLetDoubtsGoFirst(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	client := New("sk_test_priority", server.URL, "")
	client.limit.count(+1) // a doubt waits
	for name, read := range map[string]func(context.Context) error{
		"an event":     func(ctx context.Context) error { _, err := client.Event(ctx, "", "evt_1"); return err },
		"a thin event": func(ctx context.Context) error { _, err := client.ThinEvent(ctx, "", "evt_1"); return err },
		"a subscription": func(ctx context.Context) error {
			_, _, err := client.Object(ctx, "", "subscription", "sub_1")
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := read(ctx); !errors.Is(err, context.DeadlineExceeded) || requests > 0 {
			t.Errorf("%s: %v after %d requests, want it to wait", name, err, requests)
		}
		cancel()
	}
	client.limit.count(-1)
	if _, err := client.Event(t.Context(), "", "evt_1"); err != nil || requests != 1 {
		t.Errorf("when no doubt waits: %v after %d requests", err, requests)
	}
}
