package receiver

import (
	"crypto/hmac"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// FuzzSignature: a header is good only if one of its v1 signatures is the HMAC of its one time and the body, whatever else it holds.
func FuzzSignature(f *testing.F) {
	good := stripetest.Sign([]byte("{}"), noon, secret)
	for _, header := range []string{
		good, good + ",v0=00", "v1=00," + good, good + "," + good, "t=1,v1=", "t=,v1=,", ",,,", "t=-9223372036854775808,v1=00", "v1=00", good + ",t=1",
		strings.ToUpper(good), " " + good, good + "\x00",
	} {
		f.Add(header, []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		signature, reason := checkHeader(http.Header{"Stripe-Signature": {header}}, noon)
		if reason != "" {
			return
		}
		got := verify(body, signature, []string{"whsec_other", secret})
		if want := signedBy(header, body); got != want {
			t.Errorf("verify(%q, %q) = %t, want %t", body, header, got, want)
		}
		forged := verify(append(slices.Clone(body), ' '), stripetest.Sign(body, noon, secret), []string{secret})
		if forged {
			t.Errorf("%q with a byte more is accepted under its signature", body)
		}
	})
}

// signedBy verifies by other means than the receiver's.
func signedBy(header string, body []byte) bool {
	var at int64
	var signatures []string
	for pair := range strings.SplitSeq(header, ",") {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "t":
			at, _ = strconv.ParseInt(value, 10, 64)
		case "v1":
			signatures = append(signatures, value)
		}
	}
	want := sign(secret, time.Unix(at, 0), body)
	return slices.ContainsFunc(signatures, func(s string) bool { return hmac.Equal([]byte(strings.ToLower(s)), []byte(want)) })
}
