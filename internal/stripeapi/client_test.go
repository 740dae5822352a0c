package stripeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

const key = "sk_test_SecretOfTheTest"

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// account starts a fake Stripe API with some history in it, and returns a client for it.
func account(t *testing.T, ops ...Op) (*World, *API, *stripeapi.Client) {
	t.Helper()
	world := NewWorld(begin, New, 1)
	for _, op := range append([]Op{SignUp}, ops...) {
		world.Advance(time.Minute)
		world.Do(op)
	}
	api := NewAPI(key, world)
	server := api.Start()
	t.Cleanup(server.Close)
	return world, api, stripeapi.New(key, server.URL, "")
}

func all(*http.Request) bool { return true }

// Every kind of object is read from its own path, in the newest API version that can be read, and is returned unchanged.
func TestObjects(t *testing.T) {
	world, api, client := account(t, OpenDispute)
	connected := NewWorld(begin, New, 2)
	connected.Account = "acct_Other"
	connected.Do(SignUp)
	api.Connect(connected)
	type get func(ctx context.Context, account, id string) (stripeapi.Reading, error)
	for kind, tc := range map[string]struct {
		get  get
		path string
	}{
		"customer":         {client.Customer, "/v1/customers/"},
		"checkout.session": {client.CheckoutSession, "/v1/checkout/sessions/"},
		"subscription":     {client.Subscription, "/v1/subscriptions/"},
		"charge":           {client.Charge, "/v1/charges/"},
		"payment_intent":   {client.PaymentIntent, "/v1/payment_intents/"},
		"dispute":          {client.Dispute, "/v1/disputes/"},
	} {
		t.Run(kind, func(t *testing.T) {
			id := world.Objects(kind)[0].ID()
			reading, err := tc.get(t.Context(), "", id)
			if err != nil {
				t.Fatal(err)
			}
			if got := reading.Object.ID("id"); got != id {
				t.Errorf("got %s, want %s", got, id)
			}
			want := Request{Method: http.MethodGet, Path: tc.path + id, Version: stripejson.NewestVersion, Status: http.StatusOK}
			requests := api.Requests(tc.path)
			if diff := cmp.Diff(want, requests[len(requests)-1], cmp.FilterPath(
				func(p cmp.Path) bool { return p.String() == "Query" }, cmp.Ignore())); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if _, err := tc.get(t.Context(), "", "missing"); !errors.Is(err, stripeapi.ErrNotFound) {
				t.Errorf("a missing object: %v, want ErrNotFound", err)
			}
		})
	}
	reading, err := client.Customer(t.Context(), "acct_Other", connected.Objects("customer")[0].ID())
	if err != nil || reading.Object.ID("id") != connected.Objects("customer")[0].ID() {
		t.Errorf("a connected account's customer: %v", err)
	}
}

// An id, which an event may have made up, cannot lead the request to another object.
func TestAnIDIsNoPath(t *testing.T) {
	world, api, client := account(t, OpenDispute)
	charge := world.Objects("charge")[0].ID()
	for _, id := range []string{"../charges/" + charge, "../../v1/charges/" + charge, "x?expand[]=customer", "x#y", "%2e%2e/charges"} {
		path, query := "", ""
		api.Fail(1, func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
			path, query = r.URL.EscapedPath(), r.URL.RawQuery
			return false
		}, all)
		_, err := client.CheckoutSession(t.Context(), "", id)
		if !errors.Is(err, stripeapi.ErrNotFound) {
			t.Errorf("%q: %v, want ErrNotFound", id, err)
		}
		if rest := strings.TrimPrefix(path, "/v1/checkout/sessions/"); strings.ContainsAny(rest, "/?#[") || query != "expand[]=subscription" {
			t.Errorf("%q asks for %s?%s", id, path, query)
		}
	}
}

// Each kind of failure gives an error that says what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		fault Fault
		want  string
	}{
		"too many requests": {RateLimited, "get customers cus_W001 from Stripe: stripe's rate limit is reached, retry in 1s (request req_000000)"},
		"an internal error": {ServerError,
			`get customers cus_W001 from Stripe: stripe answered 500, type "api_error", code "" (request req_000000)`},
		"a truncated response": {Truncated, "get customers cus_W001 from Stripe: stripe's response cannot be read: it is truncated, too large or not JSON"},
		"an error page of a proxy": {func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>ada@example.com</html>"))
			return true
		}, "get customers cus_W001 from Stripe: stripe's response cannot be read: it is truncated, too large or not JSON"},
		"a rejected key": {func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) bool {
			r.Header.Set("Authorization", "Bearer other")
			answer(w, r)
			return true
		}, "get customers cus_W001 from Stripe: stripe rejects the API key: check STRIPE_SECRET_KEY (request req_000000)"},
		"a key without the permission": {func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) bool {
			r.Header.Set("Stripe-Account", "acct_none")
			answer(w, r)
			return true
		}, "get customers cus_W001 from Stripe: the API key may not read this: give the restricted key that permission in Stripe (request req_000000)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, api, client := account(t)
			api.Fail(1, tc.fault, all)
			_, err := client.Customer(t.Context(), "", "cus_W001")
			if err == nil || err.Error() != tc.want {
				t.Errorf("error is\n%v, want\n%s", err, tc.want)
			}
			_, err = client.Customer(t.Context(), "", "cus_W001")
			if _, limited := stripeapi.RetryAfter(err); err != nil && !limited {
				t.Errorf("the next request: %v", err)
			}
		})
	}
}

// Errors name the request and hold nothing from the response or the key.
func TestErrorsHoldNothingPersonal(t *testing.T) {
	for name, fault := range map[string]Fault{
		"429": RateLimited, "500": ServerError, "half": Truncated,
		"an error full of personal data": func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
			w.WriteHeader(http.StatusPaymentRequired)
			_, _ = w.Write([]byte(`{"error":{"type":"card_error","message":"ada@example.com","param":"Ada","doc_url":"Ada",
				"charge":"ch_1","payment_method":{"billing_details":{"email":"ada@example.com","name":"Ada"}}}}`))
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, api, client := account(t)
			api.Fail(1, fault, all)
			_, err := client.Customer(t.Context(), "", "cus_W001")
			if err == nil {
				t.Fatal("no error")
			}
			for _, word := range []string{"ada", "Ada", "example.com", key} {
				if strings.Contains(err.Error(), word) {
					t.Errorf("the error holds %q: %v", word, err)
				}
			}
		})
	}
}

// A redirect would lead the API key to another host. One without a target would pass for an object.
func TestStripesRedirectsAreNotFollowed(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		for target, elsewhere := range map[string]bool{"another host": true, "no target": false} {
			asked := 0
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
			defer other.Close()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if elsewhere {
					w.Header().Set("Location", other.URL+"/v1/customers/cus_W001")
				}
				w.WriteHeader(code)
				_, _ = w.Write([]byte(`{"id": "cus_W001", "object": "customer"}`))
			}))
			defer server.Close()
			_, err := stripeapi.New(key, server.URL, "").Customer(t.Context(), "", "cus_W001")
			want := fmt.Sprintf("get customers cus_W001 from Stripe: stripe answered with a redirect (%d), which is not followed, "+
				"because the API key would go there: check STRIPE_API_BASE", code)
			if err == nil || err.Error() != want {
				t.Errorf("%d to %s: error is\n%v, want\n%s", code, target, err, want)
			}
			if asked > 0 {
				t.Errorf("%d: the other host was asked %d times", code, asked)
			}
		}
	}
}

// After a 429 no request is sent for as long as Stripe says, and every call returns the remaining time.
func TestA429PausesAllCalls(t *testing.T) {
	_, api, client := account(t)
	api.Fail(1, RateLimited, all)
	_, err := client.Customer(t.Context(), "", "cus_W001")
	if wait, limited := stripeapi.RetryAfter(err); !limited || wait != time.Second {
		t.Fatalf("RetryAfter of %v is %s, %t; want 1s", err, wait, limited)
	}
	_, err = client.Charge(t.Context(), "", "ch_1")
	if wait, limited := stripeapi.RetryAfter(err); !limited || wait <= 0 || wait > time.Second {
		t.Errorf("RetryAfter of another request, %v, is %s, %t; want what is left of the second", err, wait, limited)
	}
	if got := len(api.Requests("/")); got != 1 {
		t.Errorf("Stripe was asked %d times, want once", got)
	}
	if _, limited := stripeapi.RetryAfter(errors.New("other")); limited {
		t.Error("any error is a 429")
	}
}

// A call ends when its context does, even if Stripe does not respond.
func TestACallEndsWithItsContext(t *testing.T) {
	_, api, client := account(t)
	api.Fail(1, Hanging, all)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := client.Customer(ctx, "", "cus_W001"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want the context's", err)
	}
}

// A reading's time is never later than the read itself, by Stripe's clock.
func TestReadingTimeIsNeverTooLate(t *testing.T) {
	const slow = 1500 * time.Millisecond
	stripeNow := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC) // Stripe's clock differs from ours
	read := func(date string) time.Time {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			if date != "" {
				w.Header().Set("Date", date)
				Slow(slow)(w, r, nil)
			}
			_, _ = w.Write([]byte(`{"id":"cus_1","object":"customer"}`))
		}))
		defer server.Close()
		reading, err := stripeapi.New(key, server.URL, "").Customer(t.Context(), "", "cus_1")
		if err != nil {
			t.Fatal(err)
		}
		if reading.At != reading.At.Truncate(time.Second).UTC() {
			t.Errorf("%s is no whole second in UTC", reading.At)
		}
		return reading.At
	}
	if at := read(stripeNow.Format(http.TimeFormat)); at.After(stripeNow.Add(-slow)) || at.Before(stripeNow.Add(-slow-time.Minute)) {
		t.Errorf("by Stripe's clock it is %s, want before %s", at, stripeNow.Add(-slow))
	}
	before := time.Now()
	if at := read(""); at.After(time.Now()) || at.Before(before.Add(-time.Second)) {
		t.Errorf("without Stripe's clock it is %s, want %s", at, before)
	}
}

// All pages are listed, the newest first, back to the requested second.
func TestEvents(t *testing.T) {
	world, api, client := account(t, ChangeQuantity, ChangeEmail, Cancel)
	api.PageSize = 4
	since := begin.Add(time.Minute)
	var got []string
	for page, err := range client.Events(t.Context(), "", since) {
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			var e struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(item, &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID)
		}
	}
	var want []string
	for _, e := range slices.Backward(world.Events()) {
		if !e.Created.Before(since) {
			want = append(want, e.ID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 9 {
		t.Errorf("%d events (-want +got):\n%s", len(want), diff)
	}
	if r := api.Requests("/v1/events")[0]; r.Query.Get("limit") != "100" || r.Query.Has("starting_after") {
		t.Errorf("the first page is asked for with %v", r.Query)
	}
}

// All subscriptions of a customer are listed, including ended ones.
func TestSubscriptions(t *testing.T) {
	world, api, client := account(t, SubscribeAgain, SubscribeAgain, Cancel)
	api.PageSize = 1
	readings, err := client.Subscriptions(t.Context(), "", world.Objects("customer")[0].ID())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range readings {
		got[r.Object.ID("id")] = r.Object.Word("status")
	}
	want := map[string]string{}
	for _, o := range world.Objects("subscription") {
		want[o.ID()] = o["status"].(string)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	api.Fail(1, ServerError, func(r *http.Request) bool { return r.URL.Query().Has("starting_after") })
	if readings, err := client.Subscriptions(t.Context(), "", world.Objects("customer")[0].ID()); err == nil {
		t.Errorf("with a missing page it returns %d subscriptions and no error", len(readings))
	}
}

// listedIDs reads a list of n pages, each with one object of the kind, and returns the objects' ids.
func listedIDs(t *testing.T, kind string, pages iter.Seq2[stripeapi.Page, error], n int) (ids []string) {
	t.Helper()
	for page, err := range pages {
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := stripejson.Parse(page.Items[0])
		if err != nil {
			t.Fatal(err)
		}
		id := parsed.ID("id")
		ids = append(ids, id)
		if isLast := len(ids) == n; isLast && page.Next != "" || !isLast && page.Next != id {
			t.Errorf("page %d goes on after %q", len(ids), page.Next)
		}
		if kind == "dispute" && parsed.ID("charge.customer") == "" {
			t.Error("the dispute does not name its customer")
		}
	}
	return ids
}

// Every subscription, customer and dispute of an account is listed, on from any page.
func TestListsOfAnAccount(t *testing.T) {
	world, api, client := account(t, OpenDispute, SubscribeAgain, Cancel)
	other := NewWorld(begin, New, 2)
	other.Name = "B"
	other.Do(SignUp)
	other.Do(OpenDispute)
	for _, kind := range []string{"customer", "charge", "subscription", "dispute"} {
		for _, o := range other.Objects(kind) {
			world.Put(o)
		}
	}
	api.PageSize = 1
	for kind, tc := range map[string]struct {
		list  func(ctx context.Context, account, after string) iter.Seq2[stripeapi.Page, error]
		first string
		want  int
	}{
		"subscription": {client.AllSubscriptions, "limit=100&status=all", 3},
		"customer":     {client.AllCustomers, "limit=100", 2},
		"dispute":      {client.AllDisputes, "expand%5B%5D=data.charge&limit=100", 2},
	} {
		t.Run(kind, func(t *testing.T) {
			var want []string
			for _, o := range slices.Backward(world.Objects(kind)) {
				want = append(want, o.ID())
			}
			if len(want) != tc.want {
				t.Fatalf("the world has %d, want %d", len(want), tc.want)
			}
			for from := range want {
				after := ""
				if from > 0 {
					after = want[from-1]
				}
				got := listedIDs(t, kind, tc.list(t.Context(), "", after), len(want)-from)
				if diff := cmp.Diff(want[from:], got); diff != "" {
					t.Errorf("after %q (-want +got):\n%s", after, diff)
				}
			}
			requests := api.Requests("/v1/" + kind + "s")
			if got := requests[0].Query.Encode(); got != tc.first {
				t.Errorf("the first page is requested with %s, want %s", got, tc.first)
			}
			for _, err := range tc.list(t.Context(), "", "gone") {
				if !errors.Is(err, stripeapi.ErrCursorGone) {
					t.Errorf("after an object that is gone the error is %v, want ErrCursorGone", err)
				}
			}
			for _, err := range tc.list(t.Context(), "acct_none", "") {
				if !errors.Is(err, stripeapi.ErrRefused) {
					t.Errorf("of an account that the key may not read the error is %v, want ErrRefused", err)
				}
			}
		})
	}
}

// A list that never ends and a response that is not a list are errors.
func TestMalformedLists(t *testing.T) {
	for name, body := range map[string]string{
		"an empty page that continues": `{"object":"list","data":[],"has_more":true}`,
		"an element without an id":     `{"object":"list","data":[{}],"has_more":true}`,
		"not a list":                   `{"object":"event","id":"evt_1"}`,
		"not JSON":                     `<html>`,
		"elements that are not a list": `{"object":"list","data":"none","has_more":false}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
			defer server.Close()
			pages := 0
			var last error
			for _, err := range stripeapi.New(key, server.URL, "").Events(t.Context(), "", begin) {
				if pages, last = pages+1, err; pages == 3 {
					break
				}
			}
			if pages != 1 || last == nil {
				t.Errorf("%d pages, the last one with the error %v; want one error", pages, last)
			}
		})
	}
}

// A page that Stripe sends again and again ends the list.
func TestAPageThatRepeatsEndsTheList(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		_, _ = w.Write([]byte(`{"object":"list","data":[{"id":"cus_1"}],"has_more":true}`))
	}))
	defer server.Close()
	var last error
	for _, last = range stripeapi.New(key, server.URL, "").AllCustomers(t.Context(), "", "") {
		if requests > 2 {
			break
		}
	}
	if last == nil || requests != 2 {
		t.Errorf("after %d requests the error is %v, want one after the second", requests, last)
	}
}
