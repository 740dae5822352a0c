package stripeapi

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
)

// What an answer refuses, in the forms that Stripe sends. Most of them are of the type invalid_request_error and differ by
// code and text only.
func TestScopeOfARefusal(t *testing.T) {
	for name, tc := range map[string]struct {
		status    int
		code, msg string
		platform  bool // the request is for the platform's own account
		want      refusalScope
	}{
		"an invalid key":                {401, "", "Invalid API Key provided: rk_live_*********abcd", false, refusesKey},
		"an expired key":                {401, "api_key_expired", "Expired API Key provided: rk_live_*********abcd", true, refusesKey},
		"an expired key of the other":   {403, "platform_api_key_expired", "The API key provided by your Connect platform has expired.", false, refusesKey},
		"a key that is bound to an IP":  {403, "", "The API key provided does not allow requests from your IP address (192.0.2.7).", true, refusesKey},
		"a permission":                  {403, "", "The provided key 'rk_live_***' does not have the required permissions for this endpoint on account 'acct_1'. Having the 'rak_dispute_read' permission would allow this request to continue.", false, refusesNothing},
		"a permission, newer text":      {403, "more_permissions_required", "The provided key does not have the required permissions for this endpoint.", false, refusesNothing},
		"a revoked account":             {403, "account_invalid", "The provided key 'sk_live_***' does not have access to account 'acct_1' (or that account does not exist). Application access may have been revoked.", false, refusesAccount},
		"a revoked account, no code":    {403, "", "The provided key 'sk_live_***' does not have access to account 'acct_1' (or that account does not exist). Application access may have been revoked.", false, refusesAccount},
		"an account that never was":     {400, "account_invalid", "The account acct_1 is not connected to your platform or does not exist.", false, refusesAccount},
		"no Connect platform":           {400, "platform_account_required", "Only Stripe Connect platforms can work with other accounts.", false, refusesAccount},
		"the platform's own account":    {403, "account_invalid", "The provided key does not have access to account 'acct_0'.", true, refusesNothing},
		"an object that does not exist": {404, "resource_missing", "No such customer: 'cus_1'", false, refusesNothing},
		"a customer's bank account":     {400, "account_closed", "The bank account has been closed.", false, refusesNothing},
		"too many requests":             {429, "rate_limit", "Request rate limit exceeded.", false, refusesNothing},
		"an error of Stripe's":          {500, "", "does not have access to account", false, refusesNothing},
	} {
		t.Run(name, func(t *testing.T) {
			account := "acct_1"
			if tc.platform {
				account = ""
			}
			got := scopeOf(&stripe.Error{HTTPStatusCode: tc.status, Code: stripe.ErrorCode(tc.code), Msg: tc.msg}, account)
			if got != tc.want {
				t.Errorf("scope is %d, want %d", got, tc.want)
			}
		})
	}
}

// attempt is one request: when, for which account, and what Stripe would answer.
type attempt struct {
	at      time.Duration
	account string
	answer  refusalScope
	lost    bool // Stripe does not answer
}

// A refused account does not hold up another one, and is asked again after a pause that doubles. A refused key holds up all.
func TestCircuits(t *testing.T) {
	const a, b = "acct_A", "acct_B"
	for name, tc := range map[string]struct {
		attempts []attempt
		want     []string // sent, or why not
	}{
		"an account": {
			[]attempt{
				{at: 0, account: a, answer: refusesAccount}, {at: 1, account: a}, {at: 2, account: b}, {at: 3},
				{at: 60, account: a, answer: refusesAccount}, {at: 61, account: a}, {at: 179, account: a}, {at: 180, account: a}, {at: 181, account: a},
			},
			[]string{"sent", "acct_A 59s", "sent", "sent", "sent", "acct_A 119s", "acct_A 1s", "sent", "sent"},
		},
		"the key": {
			[]attempt{
				{at: 0, account: a, answer: refusesKey}, {at: 1, account: a}, {at: 1, account: b}, {at: 1},
				{at: 60, account: b, answer: refusesKey}, {at: 61}, {at: 180}, {at: 181, account: a},
			},
			[]string{"sent", "key 59s", "key 59s", "key 59s", "sent", "key 119s", "sent", "sent"},
		},
		"the key, and then an account": {
			[]attempt{
				{at: 0, answer: refusesKey}, {at: 60, account: a, answer: refusesAccount}, {at: 61}, {at: 61, account: a},
			},
			[]string{"sent", "sent", "sent", "acct_A 59s"},
		},
		"a probe that is lost proves nothing": {
			[]attempt{{at: 0, answer: refusesKey}, {at: 60, lost: true}, {at: 61}, {at: 120}, {at: 121}},
			[]string{"sent", "sent", "key 59s", "sent", "sent"},
		},
		"the longest pause": {
			[]attempt{
				{at: 0, answer: refusesKey}, {at: 60, answer: refusesKey}, {at: 180, answer: refusesKey}, {at: 420, answer: refusesKey},
				{at: 900, answer: refusesKey}, {at: 1800, answer: refusesKey}, {at: 1801}, {at: 2700},
			},
			[]string{"sent", "sent", "sent", "sent", "sent", "sent", "key 899s", "sent"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCircuits(func() string { return "sk_test_1" })
			begin := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
			var got []string
			for _, attempt := range tc.attempts {
				now := begin.Add(attempt.at * time.Second)
				permit, err := c.begin(attempt.account, now)
				if refusal, isRefused := errors.AsType[*RefusalError](err); isRefused {
					who := refusal.Account
					if who == "" {
						who = "key"
					}
					got = append(got, who+" "+seconds(refusal.wait))
					continue
				}
				got = append(got, "sent")
				c.end(permit, attempt.account, attempt.answer, !attempt.lost, now)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%.0fs", d.Seconds())
}

// While a probe is under way, no other request is sent. An answer to a request that was sent before the refusal does not
// close the circuit.
func TestOneProbeAtATime(t *testing.T) {
	c := newCircuits(func() string { return "sk_test_1" })
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	early, err := c.begin("", now)
	if err != nil {
		t.Fatal(err)
	}
	refused, _ := c.begin("", now)
	c.end(refused, "", refusesKey, true, now)
	c.end(early, "", refusesNothing, true, now)
	if err := c.check("", now); !errors.Is(err, ErrKeyRefused) || !errors.Is(err, ErrRefused) || errors.Is(err, ErrAccountRefused) {
		t.Errorf("after an early answer: %v, want ErrKeyRefused", err)
	}
	now = now.Add(firstProbe)
	probe, err := c.begin("", now)
	if err != nil {
		t.Fatal(err)
	}
	if wait, ok := RetryAfter(c.check("acct_A", now)); !ok || wait != probePatience {
		t.Errorf("during a probe: wait %s, want %s", wait, probePatience)
	}
	c.end(probe, "", refusesNothing, true, now)
	if err := c.check("acct_A", now); err != nil {
		t.Errorf("after the probe: %v", err)
	}
}

// Another key closes all circuits at once. An answer to a request with the key before opens none, and a probe with it closes none.
func TestAnotherKeyClosesTheCircuits(t *testing.T) {
	key := "sk_test_old"
	c := newCircuits(func() string { return key })
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	begin := func(account string) permit {
		t.Helper()
		p, err := c.begin(account, now)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	late, later := begin(""), begin("")
	account := begin("acct_A")
	c.end(begin(""), "", refusesKey, true, now)
	c.end(account, "acct_A", refusesAccount, true, now)
	if c.check("", now) == nil || c.check("acct_A", now) == nil {
		t.Fatal("no circuit is open")
	}
	key = "sk_test_new"
	for _, account := range []string{"", "acct_A"} {
		if err := c.check(account, now); err != nil {
			t.Errorf("with the new key, %q: %v", account, err)
		}
	}
	if _, isReplaced := c.end(late, "", refusesKey, true, now); !isReplaced {
		t.Error("a late answer does not say that the key is replaced")
	}
	if p := begin(""); p.key != key {
		t.Errorf("requests are sent with %s", p.key)
	}
	c.end(begin(""), "", refusesKey, true, now)
	c.end(later, "", refusesNothing, true, now)
	if c.check("", now) == nil {
		t.Error("the circuit of the new key is closed by an answer to the old one")
	}
}
