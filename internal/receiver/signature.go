package receiver

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// The reasons to refuse a signature, as metric labels and in the log.
const (
	reasonAbsent    = "signature_absent"
	reasonMalformed = "signature_malformed"
	reasonStale     = "signature_stale"
	reasonFuture    = "signature_future"
	reasonMismatch  = "signature_mismatch"
)

// checkHeader checks the signature header before the body is read. There must be one header, with one time within the
// tolerance and at least one v1 signature. checkHeader returns the header's value, or the reason to refuse it.
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

// signedAt reads the time from a header such as "t=1700000000,v1=…,v1=…,v0=…". ok is false if the header is malformed.
func signedAt(header string) (signed time.Time, ok bool) {
	times, signatures := 0, 0
	for pair := range strings.SplitSeq(header, ",") {
		key, value, found := strings.Cut(pair, "=")
		if !found || strings.Contains(value, "=") { // stripe-go would refuse the header
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

// verifySignature reports whether one of the header's v1 signatures is by one of the secrets. For a day after a roll,
// Stripe signs with the old and the new secret, and the operator may know either or both.
func verifySignature(body []byte, header string, secrets []string) bool {
	for _, secret := range secrets {
		if webhook.ValidatePayloadIgnoringTolerance(body, header, secret) == nil {
			return true
		}
	}
	return false
}
