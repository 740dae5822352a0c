package stripeapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

// A thin event leads to its snapshot event, in the platform's account and in a connected one. API v2 has its own header for the
// account, and refuses old versions.
func TestThinEvents(t *testing.T) {
	world, api, client := account(t)
	connected := NewWorld(begin, New, 2)
	connected.Account = "acct_Other"
	connected.Do(SignUp)
	api.Connect(connected)
	for account, w := range map[string]*World{"": world, "acct_Other": connected} {
		e := w.Events()[0]
		raw, err := client.ThinEvent(t.Context(), account, e.ThinID())
		if err != nil {
			t.Fatal(err)
		}
		thin, err := stripejson.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := []string{thin.Word("object"), thin.ID("snapshot_event"), thin.ID("context")}; !cmp.Equal(got, []string{"v2.core.event", e.ID, account}) {
			t.Errorf("the thin event has %q", got)
		}
		raw, err = client.Event(t.Context(), account, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		unmarshal(t, raw, &got)
		unmarshal(t, e.JSON(), &want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	}
	for _, read := range []func() error{
		func() error { _, err := client.Event(t.Context(), "", "evt_none"); return err },
		func() error { _, err := client.ThinEvent(t.Context(), "", "evt_none"); return err },
		func() error {
			_, err := client.ThinEvent(t.Context(), "", "../../v1/events/"+world.Events()[0].ID)
			return err
		},
	} {
		if err := read(); !errors.Is(err, stripeapi.ErrNotFound) {
			t.Errorf("what Stripe does not have: %v, want ErrNotFound", err)
		}
	}
	if _, err := client.ThinEvent(t.Context(), "acct_none", "evt_1"); !errors.Is(err, stripeapi.ErrRefused) {
		t.Errorf("an account that the key may not read: %v, want ErrRefused", err)
	}
	api.Fail(1, RateLimited, all)
	_, err := client.ThinEvent(t.Context(), "", "evt_1")
	if wait, limited := stripeapi.RetryAfter(err); !limited || wait != time.Second {
		t.Errorf("the rate limit: %v", err)
	}
}

// An object is read by its kind and id, as it is.
func TestObject(t *testing.T) {
	world, api, client := account(t)
	for _, kind := range []string{"customer", "subscription", "charge", "payment_intent", "invoice", "checkout.session"} {
		id := world.Objects(kind)[0].ID()
		raw, at, err := client.Object(t.Context(), "", kind, id)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := stripejson.Parse(raw)
		if err != nil || parsed.ID("id") != id || parsed.Word("object") != kind || at.IsZero() {
			t.Errorf("the %s is the %s %s of %s, %v", kind, parsed.Word("object"), parsed.ID("id"), at, err)
		}
	}
	want := Request{Method: http.MethodGet, Path: "/v1/checkout/sessions/" + world.Objects("checkout.session")[0].ID(), Status: http.StatusOK}
	requests := api.Requests("/v1/checkout")
	if diff := cmp.Diff(want, requests[len(requests)-1], cmpopts.IgnoreFields(Request{}, "Query", "Version")); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if _, _, err := client.Object(t.Context(), "", "../customer", "cus_1"); err == nil || stripeapi.IsReadable("../customer") {
		t.Error("an unknown kind is read")
	}
}

func unmarshal(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}
