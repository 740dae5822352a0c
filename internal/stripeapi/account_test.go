package stripeapi_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// answerTo starts a stand-in that answers every request with a status and a body.
func answerTo(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/account" || r.Header.Get("Authorization") != "Bearer sk_test_other" {
			t.Errorf("asked for %s as %s", r.URL.Path, r.Header.Get("Authorization"))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Stripe says which account another key is of, also if the key may not read it, and that it refuses a key. The key in use stays
// accepted.
func TestAccountOf(t *testing.T) {
	for name, tc := range map[string]struct {
		status           int
		body             string
		want             string
		isRefused, fails bool
	}{
		"a secret key": {200, `{"id": "acct_1ABC", "object": "account"}`, "acct_1ABC", false, false},
		"a restricted key": {
			403, `{"error": {"type": "invalid_request_error", "message": "The provided key 'rk_test_***' does not have the required permissions ` +
				`for this endpoint on account 'acct_1ABC'. Having the 'rak_accounts_kyc_basic_read' permission would allow this request to continue."}}`,
			"acct_1ABC", false, false,
		},
		"another refusal":   {403, `{"error": {"type": "invalid_request_error", "message": "No."}}`, "", false, false},
		"not known":         {404, `{"error": {"type": "invalid_request_error", "message": "Unrecognized request URL."}}`, "", false, false},
		"a wrong key":       {401, `{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}`, "", true, true},
		"an expired key":    {401, `{"error": {"type": "invalid_request_error", "code": "api_key_expired", "message": "Expired API Key"}}`, "", true, true},
		"Stripe has faults": {500, `{"error": {"type": "api_error", "message": "Oops."}}`, "", false, true},
		"a proxy answers":   {502, `<html>`, "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			client := stripeapi.New("sk_test_in_use", answerTo(t, tc.status, tc.body), "")
			got, err := client.AccountOf(t.Context(), "sk_test_other")
			if got != tc.want || (err != nil) != tc.fails || errors.Is(err, stripeapi.ErrKeyRefused) != tc.isRefused {
				t.Errorf("the account is %q, %v; want %q", got, err, tc.want)
			}
			if refused, _ := client.Refused(); refused {
				t.Error("the key in use counts as refused")
			}
		})
	}
	if _, err := stripeapi.New("k", "http://127.0.0.1:1", "").AccountOf(t.Context(), "sk_test_other"); err == nil || errors.Is(err, stripeapi.ErrKeyRefused) {
		t.Errorf("without an answer the error is %v", err)
	}
}

// A request that Stripe refuses to a key that has just been replaced is made again with the new one. A key that is refused and
// still in use is not tried twice.
func TestARequestInFlightSurvivesTheRollOfTheKey(t *testing.T) {
	var key atomic.Value
	key.Store("sk_test_old")
	requests := 0
	roll, refusal := true, http.StatusUnauthorized
	body := `{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if strings.HasSuffix(r.Header.Get("Authorization"), "sk_test_new") {
			_, _ = io.WriteString(w, `{"id": "cus_1", "object": "customer"}`)
			return
		}
		if roll {
			key.Store("sk_test_new") // while the request is under way
		}
		w.WriteHeader(refusal)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	client := stripeapi.NewWith(func() string { return key.Load().(string) }, server.URL, "")
	if _, err := client.Customer(t.Context(), "", "cus_1"); err != nil || requests != 2 {
		t.Errorf("%v, after %d requests", err, requests)
	}
	requests, refusal = 0, http.StatusForbidden
	body = `{"error": {"type": "invalid_request_error", "code": "account_invalid", "message": "The key does not have access to account 'acct_1'."}}`
	key.Store("sk_test_old")
	if _, err := client.Customer(t.Context(), "acct_1", "cus_1"); err != nil || requests != 2 {
		t.Errorf("an account that the old key may not read: %v, after %d requests", err, requests)
	}
	roll, requests, refusal = false, 0, http.StatusUnauthorized
	key.Store("sk_test_old")
	if _, err := client.Customer(t.Context(), "", "cus_1"); !errors.Is(err, stripeapi.ErrKeyRefused) || requests != 1 {
		t.Errorf("%v, after %d requests", err, requests)
	}
	key.Store("sk_test_new")
	if _, err := client.Customer(t.Context(), "", "cus_1"); err != nil {
		t.Errorf("the new key is not used at once: %v", err)
	}
}
