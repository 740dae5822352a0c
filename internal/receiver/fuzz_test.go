package receiver

import (
	"crypto/hmac"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// FuzzSignature: every header is accepted or refused as Stripe's documentation says. It is valid only if one of its v1
// signatures is the HMAC of its one time and the body. Headers that Stripe signs are always accepted.
func FuzzSignature(f *testing.F) {
	good := stripetest.Sign([]byte("{}"), noon, secret)
	for _, header := range []string{
		good, good + ",v0=00", "v1=00," + good, good + "," + good, "t=1,v1=", "t=,v1=,", ",,,", "t=-9223372036854775808,v1=00", "v1=00", good + ",t=1",
		strings.ToUpper(good), " " + good, good + "\x00", "", "t=9223372036854775807,v1=00", "t=+1773144000,v1=00",
		stripetest.Sign([]byte("{}"), stale, secret), stripetest.Sign([]byte("{}"), noon.Add(301*time.Second), secret),
	} {
		f.Add(header, []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		want := expected(header)
		signature, reason := checkHeader(http.Header{"Stripe-Signature": {header}}, noon)
		if !slices.Contains(want.reasons, reason) {
			t.Errorf("%q is refused for %q, want one of %q", header, reason, want.reasons)
		}
		if reason == "" {
			got := verifySignature(body, signature, []string{"whsec_other", secret})
			if want := want.signs(body); got != want {
				t.Errorf("verifySignature(%q, %q) = %t, want %t", body, header, got, want)
			}
		}
		for _, age := range []time.Duration{-tolerance, 0, tolerance} {
			signed, reason := checkHeader(http.Header{"Stripe-Signature": {stripetest.Sign(body, noon.Add(-age), secret)}}, noon)
			if reason != "" || !verifySignature(body, signed, []string{"whsec_other", secret}) {
				t.Errorf("%q signed %s ago is refused (%q)", body, age, reason)
			}
			if verifySignature(append(slices.Clone(body), ' '), signed, []string{secret}) {
				t.Errorf("%q with a byte more is accepted under its signature", body)
			}
		}
	})
}

// expectation is the expected result for a header, computed independently of the receiver.
type expectation struct {
	reasons    []string // one of these; "" is none
	at         time.Time
	signatures []string
}

var (
	pairs   = regexp.MustCompile(`^[^=,]*=[^=,]*(,[^=,]*=[^=,]*)*$`)
	times   = regexp.MustCompile(`(?:^|,)t=([^,]*)`)
	v1s     = regexp.MustCompile(`(?:^|,)v1=([^,]*)`)
	integer = regexp.MustCompile(`^[+-]?[0-9]+$`)
)

func expected(header string) expectation {
	malformed := expectation{reasons: []string{"signature_malformed"}}
	at, signed := times.FindAllStringSubmatch(header, -1), v1s.FindAllStringSubmatch(header, -1)
	switch {
	case header == "":
		return expectation{reasons: []string{"signature_absent"}}
	case !pairs.MatchString(header), len(at) != 1, len(signed) == 0, !integer.MatchString(at[0][1]):
		return malformed
	}
	seconds, _ := new(big.Int).SetString(at[0][1], 10)
	if !seconds.IsInt64() {
		return malformed
	}
	e := expectation{at: time.Unix(seconds.Int64(), 0)}
	for _, match := range signed {
		e.signatures = append(e.signatures, match[1])
	}
	e.reasons = timely(seconds)
	return e
}

// timely compares the time by exact arithmetic. Either reason is right for a time that overflows the receiver's.
func timely(seconds *big.Int) []string {
	const stale, future = "signature_stale", "signature_future"
	ahead := new(big.Int).Sub(seconds, big.NewInt(noon.Unix()))
	switch {
	case ahead.CmpAbs(big.NewInt(300)) <= 0:
		return []string{""}
	case ahead.CmpAbs(big.NewInt(1<<33)) > 0:
		return []string{stale, future}
	case ahead.Sign() < 0:
		return []string{stale}
	default:
		return []string{future}
	}
}

func (e expectation) signs(body []byte) bool {
	want := sign(secret, e.at, body)
	return slices.ContainsFunc(e.signatures, func(s string) bool { return hmac.Equal([]byte(strings.ToLower(s)), []byte(want)) })
}
