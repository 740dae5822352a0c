// Package receiver answers Stripe. A 2xx leaves only after the API server has acknowledged the event.
package receiver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	// signed says whether the header has a signature of the body by one of our secrets.
	signed   func(body []byte, header string) bool
	decoder  events.Decoder
	recorder Recorder
	clock    clock.PassiveClock
	log      logr.Logger
	// inFlight bounds the events worked on. Beyond it a request is answered 503 at once: Stripe sends it again, and a slow
	// answer helps nobody. Only who has shown that he can sign takes a place.
	inFlight places
	// unproven bounds the bodies of which it is not yet known who sent them: a body has to be read before its signature can be checked.
	unproven *line
	decoding places
	writes   places

	// RecordTimeout bounds the wait for the API server, from when the event is known to be Stripe's. NewHandler sets it.
	RecordTimeout time.Duration
}

// NewHandler returns a handler that takes events signed with any of the secrets, at most limit of them at a time.
func NewHandler(secrets []string, limit int, decoder events.Decoder, recorder Recorder, now clock.PassiveClock, log logr.Logger) *Handler {
	return &Handler{
		signed:  func(body []byte, header string) bool { return verify(body, header, secrets) },
		decoder: decoder, recorder: recorder, clock: now, log: log,
		inFlight: make(places, limit), unproven: newLine(limit), decoding: make(places, maxDecoding), writes: make(places, maxWrites),
		RecordTimeout: recordTimeout,
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
	body, refused := h.verified(w, r, signature)
	if refused != nil {
		return *refused
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
	ctx, cancel := context.WithTimeout(ctx, h.RecordTimeout)
	defer cancel()
	e, err := h.decode(ctx, body)
	switch {
	case err != nil && ctx.Err() != nil:
		h.log.Error(err, "Event not read in time; Stripe will send it again")
		return notRecorded()
	case err != nil:
		h.log.Info("Refused a signed body that is no event", "reason", err.Error())
		return refuse(http.StatusBadRequest, "not_an_event", "not a Stripe event: "+err.Error())
	}
	recorded, err := h.write(ctx, e)
	if err != nil {
		h.log.Error(err, "Event not recorded; Stripe will send it again", "eventID", e.EventID, "eventType", events.Label(e.Type))
		return notRecorded()
	}
	if !recorded {
		return answer{http.StatusOK, "duplicate", "{}"}
	}
	return answer{http.StatusOK, "recorded", "{}"}
}

func notRecorded() answer {
	return refuse(http.StatusServiceUnavailable, "not_recorded", "not recorded; try again")
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

// verified reads all of the body, and returns it if it is signed by one of our secrets. It never cuts one off.
func (h *Handler) verified(w http.ResponseWriter, r *http.Request, signature string) ([]byte, *answer) {
	if r.ContentLength > maxBody {
		return nil, new(tooLarge())
	}
	connection := http.NewResponseController(w)
	place := h.unproven.enter(func() { _ = connection.SetReadDeadline(longAgo) })
	if place == nil {
		return nil, new(overload())
	}
	defer h.unproven.leave(place) // not before it is verified: until then the body is held for somebody unknown
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if !h.unproven.hold(place) {
		// All of the body may have been there when the deadline was set. Then the server reads on, for the next request, and fails:
		// everything that came later on this connection would end before it was begun.
		w.Header().Set("Connection", "close")
		return nil, new(refuse(http.StatusServiceUnavailable, "slow", "too slow for the requests that wait"))
	}
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, new(tooLarge())
	case err != nil:
		return nil, new(refuse(http.StatusBadRequest, "body_unreadable", "body could not be read"))
	case !h.signed(body, signature):
		return nil, new(badSignature(reasonMismatch))
	}
	return body, nil
}

func tooLarge() answer {
	return refuse(http.StatusRequestEntityTooLarge, "too_large", "body over 1 MiB")
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
