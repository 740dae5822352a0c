package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// Stripe may not answer when the process starts. The account of the first key is known nevertheless before that key goes.
func TestTheFirstAccountIsFoundOutLater(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked++; {
		case r.Header.Get("Authorization") == "Bearer sk_test_b":
			_, _ = io.WriteString(w, `{"id": "acct_1B"}`)
		case asked < 3:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = io.WriteString(w, `{"id": "acct_1A"}`)
		}
	}))
	defer server.Close()
	j := &keyJudge{stripe: stripeapi.New("sk_test_a", server.URL, ""), first: "sk_test_a", pause: time.Millisecond}
	if err := j.Start(t.Context()); err != nil || j.account != "acct_1A" {
		t.Fatalf("the account is %q, after %d requests: %v", j.account, asked, err)
	}
	if err := j.judge(t.Context(), config.StripeAccess{Key: "sk_test_a"}, config.StripeAccess{Key: "sk_test_b"}); err == nil {
		t.Error("a key of another account is taken up")
	}
}

// Which key may replace the one in use, and how often Stripe is asked about it.
func TestKeyJudge(t *testing.T) {
	accounts := map[string]string{"sk_test_a": "acct_1A", "rk_test_a": "acct_1A", "sk_test_b": "acct_1B", "rk_test_silent": ""}
	asked := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		asked = append(asked, key)
		account, isKnown := accounts[key]
		switch {
		case key == "sk_test_away":
			w.WriteHeader(http.StatusInternalServerError)
		case !isKnown:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}`)
		case account == "":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error": {"type": "invalid_request_error", "message": "No."}}`)
		default:
			_, _ = io.WriteString(w, `{"id": "`+account+`"}`)
		}
	}))
	defer server.Close()
	const rejected = "stripe rejects the new STRIPE_SECRET_KEY: put one there that Stripe accepts"
	for name, tc := range map[string]struct {
		from, to string
		base     string // the new one
		known    string // the account of the key at the start
		want     string
		asked    []string // in two looks
	}{
		"another key of the account":         {from: "sk_test_a", to: "rk_test_a", known: "acct_1A", asked: []string{"rk_test_a", "rk_test_a"}},
		"another account":                    {from: "sk_test_a", to: "sk_test_b", known: "acct_1A", want: "STRIPE_SECRET_KEY is a key of the account acct_1B, and this process works with acct_1A: to change the account, restart the operator", asked: []string{"sk_test_b"}},
		"another account, found out now":     {from: "sk_test_a", to: "sk_test_b", want: "STRIPE_SECRET_KEY is a key of the account acct_1B, and this process works with acct_1A: to change the account, restart the operator", asked: []string{"sk_test_b", "sk_test_a"}},
		"the old key is gone, known account": {from: "sk_test_gone", to: "sk_test_b", known: "acct_1A", want: "STRIPE_SECRET_KEY is a key of the account acct_1B, and this process works with acct_1A: to change the account, restart the operator", asked: []string{"sk_test_b"}},
		"the old key is gone":                {from: "sk_test_gone", to: "sk_test_b", asked: []string{"sk_test_b", "sk_test_gone", "sk_test_b"}},
		"Stripe does not name the account":   {from: "sk_test_a", to: "rk_test_silent", known: "acct_1A", asked: []string{"rk_test_silent", "rk_test_silent"}},
		"a key that Stripe rejects":          {from: "sk_test_a", to: "sk_test_wrong", known: "acct_1A", want: rejected, asked: []string{"sk_test_wrong"}},
		"Stripe is away":                     {from: "sk_test_a", to: "sk_test_away", known: "acct_1A", want: "Stripe does not say whether it accepts the new STRIPE_SECRET_KEY, and is asked again", asked: []string{"sk_test_away", "sk_test_away"}},
		"live mode":                          {from: "sk_test_a", to: "sk_live_a", want: "STRIPE_SECRET_KEY is a key of live mode, and this process runs in test mode: to change the mode, restart the operator", asked: []string{}},
		"test mode":                          {from: "sk_live_a", to: "rk_test_a", want: "STRIPE_SECRET_KEY is a key of test mode, and this process runs in live mode: to change the mode, restart the operator", asked: []string{}},
		"another base":                       {from: "sk_test_a", to: "sk_test_a", base: "https://other.example.com", want: "STRIPE_API_BASE has changed: restart the operator to use it", asked: []string{}},
		"there was no key":                   {to: "sk_test_a", want: "STRIPE_SECRET_KEY is set, and was not at the start: restart the operator, so that it reads Stripe", asked: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			asked = []string{}
			j := &keyJudge{stripe: stripeapi.New("sk_test_other", server.URL, ""), account: tc.known}
			for range 2 {
				got := ""
				if err := j.judge(t.Context(), config.StripeAccess{Key: tc.from}, config.StripeAccess{Key: tc.to, Base: tc.base}); err != nil {
					got = err.Error()
				}
				if got != tc.want {
					t.Errorf("refused with %q, want %q", got, tc.want)
				}
			}
			if diff := cmp.Diff(tc.asked, asked); diff != "" {
				t.Errorf("Stripe is asked about (-want +got):\n%s", diff)
			}
		})
	}
}
