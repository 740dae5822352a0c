// Package receiver answers Stripe. A 2xx leaves only after the API server has acknowledged the event.
package receiver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Path is where Stripe posts its events to.
const Path = "/webhooks/stripe"

// Recorder makes an event durable before it returns nil.
type Recorder interface {
	Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error)
}

// Handler answers one request.
type Handler struct {
	secrets  []string
	decoder  events.Decoder
	recorder Recorder
	clock    clock.PassiveClock
	log      logr.Logger
	// inFlight bounds the events worked on. Beyond it a request is answered 503 at once: Stripe sends it again, and a slow
	// answer helps nobody. Only who has shown that he can sign takes a place.
	inFlight places
	reading  *readers
	decoding places
	writes   places
}

// NewHandler returns a handler that takes events signed with any of the secrets, at most limit of them at a time.
func NewHandler(secrets []string, limit int, decoder events.Decoder, recorder Recorder, now clock.PassiveClock, log logr.Logger) *Handler {
	return &Handler{
		secrets: secrets, decoder: decoder, recorder: recorder, clock: now, log: log,
		inFlight: make(places, limit), reading: newReaders(limit), decoding: make(places, maxDecoding), writes: make(places, maxWrites),
	}
}

// answer is a status code, the reason that is counted, and the text that is sent.
type answer struct {
	code         int
	reason, text string
}

func refuse(code int, reason, text string) answer { return answer{code, reason, text + "\n"} }

// badSignature is the same for every reason, so that a forger learns nothing.
func badSignature(reason string) answer {
	return refuse(http.StatusBadRequest, reason, "signature verification failed")
}

// ServeHTTP gives the answer and counts it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.clock.Now()
	a := h.answer(w, r)
	code := strconv.Itoa(a.code)
	metrics.Requests.WithLabelValues(code, a.reason).Inc()
	metrics.RequestSeconds.WithLabelValues(code).Observe(h.clock.Since(start).Seconds())

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
	_, _ = io.WriteString(w, a.text) // the sender may be gone; the event is safe
}

// answer follows the table in the contract, the cheapest checks first.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) answer {
	switch {
	case r.URL.Path != Path:
		return refuse(http.StatusNotFound, "not_found", "not found")
	case r.Method != http.MethodPost:
		return refuse(http.StatusMethodNotAllowed, "method", "method not allowed")
	case !identity(r.Header.Values("Content-Encoding")):
		return refuse(http.StatusUnsupportedMediaType, "encoding", "content encoding not supported")
	}
	signature, reason := checkHeader(r.Header, h.clock.Now())
	if reason != "" {
		return badSignature(reason)
	}
	if h.inFlight.full() { // not a byte of the body is read for nothing
		return overload()
	}
	body, refused := h.readBody(w, r)
	if refused != nil {
		return *refused
	}
	if !verify(body, signature, h.secrets) {
		return badSignature(reasonMismatch)
	}
	if !h.inFlight.tryEnter() {
		return overload()
	}
	metrics.InFlight.Inc()
	defer func() { metrics.InFlight.Dec(); h.inFlight.leave() }()
	return h.record(r.Context(), body)
}

func overload() answer {
	return refuse(http.StatusServiceUnavailable, "overload", "too many requests in flight")
}

func (h *Handler) record(ctx context.Context, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	e, err := h.decode(ctx, body)
	switch {
	case ctx.Err() != nil:
		return refuse(http.StatusServiceUnavailable, "not_recorded", "not recorded; try again")
	case err != nil:
		h.log.Info("Refused a signed body that is no event", "reason", err.Error())
		return refuse(http.StatusBadRequest, "not_an_event", "not a Stripe event: "+err.Error())
	}
	recorded, err := h.write(ctx, e)
	if err != nil {
		h.log.Error(err, "Event not recorded; Stripe will send it again", "eventID", e.EventID, "eventType", events.Label(e.Type))
		return refuse(http.StatusServiceUnavailable, "not_recorded", "not recorded; try again")
	}
	if !recorded {
		return answer{http.StatusOK, "duplicate", "{}"}
	}
	return answer{http.StatusOK, "recorded", "{}"}
}

// decode reads the event. What a body of the largest size takes while it is read is many times its size.
func (h *Handler) decode(ctx context.Context, body []byte) (*v1alpha1.BillingEventSpec, error) {
	if err := h.decoding.enter(ctx); err != nil {
		return nil, err
	}
	defer h.decoding.leave()
	return h.decoder.Decode(body)
}

func (h *Handler) write(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	if err := h.writes.enter(ctx); err != nil {
		return false, err
	}
	defer h.writes.leave()
	return h.recorder.Record(ctx, e)
}

// readBody reads all of the body, or says why it is refused. It never cuts one off.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *answer) {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "too_large", "body over 1 MiB")
	if r.ContentLength > maxBody {
		return nil, &tooLarge
	}
	connection := http.NewResponseController(w)
	begun := h.reading.begin(func() { _ = connection.SetReadDeadline(longAgo) })
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var limit *http.MaxBytesError
	switch kept := h.reading.end(begun); {
	case !kept:
		slow := refuse(http.StatusServiceUnavailable, "slow", "too slow for the requests that wait")
		return nil, &slow
	case errors.As(err, &limit):
		return nil, &tooLarge
	case err != nil:
		broken := refuse(http.StatusBadRequest, "body_unreadable", "body could not be read")
		return nil, &broken
	}
	return body, nil
}

// identity says whether the body is sent as it is: the signature is over what Stripe wrote.
func identity(encodings []string) bool {
	for _, encoding := range encodings {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return false
		}
	}
	return true
}
