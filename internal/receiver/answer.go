package receiver

import (
	"io"
	"net/http"
)

// answer is an HTTP status code, the reason that the metric counts, and the text for the client.
type answer struct {
	code         int
	reason, text string
}

// The answers that are the same for every request.
var (
	recordedNow      = answer{http.StatusOK, "recorded", "{}"}
	recordedBefore   = answer{http.StatusOK, "duplicate", "{}"}
	notFound         = refusal(http.StatusNotFound, "not_found", "not found")
	methodNotAllowed = refusal(http.StatusMethodNotAllowed, "method", "method not allowed")
	encodingRefused  = refusal(http.StatusUnsupportedMediaType, "encoding", "content encoding not supported")
	tooLarge         = refusal(http.StatusRequestEntityTooLarge, "too_large", "body over 1 MiB")
	bodyUnreadable   = refusal(http.StatusBadRequest, "body_unreadable", "body could not be read")
	tooSlow          = refusal(http.StatusServiceUnavailable, "slow", "body sent too slowly while other requests wait; try again")
	noMemory         = refusal(http.StatusServiceUnavailable, "no_memory", "too many bodies arrive; try again")
	overload         = refusal(http.StatusServiceUnavailable, "overload", "too many requests in flight")
	notRecorded      = refusal(http.StatusServiceUnavailable, "not_recorded", "not recorded; try again")
)

// badSignature has the same text for every reason, so that a forger learns nothing.
func badSignature(reason string) answer {
	return refusal(http.StatusBadRequest, reason, "signature verification failed")
}

// notAnEvent says what is wrong with a signed body.
func notAnEvent(problem string) answer {
	return refusal(http.StatusBadRequest, "not_an_event", "not a Stripe event: "+problem)
}

func refusal(code int, reason, text string) answer { return answer{code, reason, text + "\n"} }

func (a answer) send(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	switch a.code {
	case http.StatusOK:
		header.Set("Content-Type", "application/json")
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", retryAfter)
	}
	w.WriteHeader(a.code)
	_, _ = io.WriteString(w, a.text) // the client may be gone; the event is safe
}
