package receiver

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// Reasons why a signature is refused; metric labels.
const (
	reasonAbsent    = "signature_absent"
	reasonMalformed = "signature_malformed"
	reasonStale     = "signature_stale"
	reasonFuture    = "signature_future"
	reasonMismatch  = "signature_mismatch"
)

// checkHeader looks at the signature header before the body is read: it must be there once, hold one time within the tolerance,
// and at least one v1 signature. It returns the header, or the reason why it is refused.
// See https://docs.stripe.com/webhooks#verify-manually.
func checkHeader(header http.Header, now time.Time) (signature, reason string) {
	values := header.Values("Stripe-Signature")
	switch {
	case len(values) == 0 || values[0] == "":
		return "", reasonAbsent
	case len(values) > 1:
		return "", reasonMalformed
	}
	signed, ok := signedAt(values[0])
	switch {
	case !ok:
		return "", reasonMalformed
	case now.Sub(signed) > tolerance:
		return "", reasonStale
	case signed.Sub(now) > tolerance:
		return "", reasonFuture
	}
	return values[0], ""
}

// signedAt reads the time of a header like "t=1700000000,v1=…,v1=…,v0=…".
func signedAt(header string) (signed time.Time, ok bool) {
	times, signatures := 0, 0
	for pair := range strings.SplitSeq(header, ",") {
		key, value, found := strings.Cut(pair, "=")
		if !found || strings.Contains(value, "=") { // stripe-go, which verifies, would refuse the header for it
			return time.Time{}, false
		}
		switch key {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return time.Time{}, false
			}
			signed = time.Unix(seconds, 0)
			times++
		case "v1":
			signatures++
		}
	}
	return signed, times == 1 && signatures > 0
}

// verify says whether one of the header's v1 signatures is by one of the secrets. Stripe signs with the old and the new secret for a
// day after a roll, and a person may be rolling ours meanwhile.
func verify(body []byte, header string, secrets []string) bool {
	for _, secret := range secrets {
		if webhook.ValidatePayloadIgnoringTolerance(body, header, secret) == nil {
			return true
		}
	}
	return false
}
