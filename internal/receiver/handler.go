// Package receiver answers Stripe's webhook requests. A 2xx leaves only after the API server has acknowledged the event.
package receiver

import (
	"context"
	"errors"
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

// Path is the URL path of the endpoint that Stripe posts events to.
const Path = "/webhooks/stripe"

// Recorder makes an event durable before it returns nil. recorded is false if the event was durable already.
type Recorder interface {
	Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error)
}

// Handler serves the endpoint.
type Handler struct {
	// verify reports whether the signature header has a signature of the body by one of the secrets.
	verify   func(body []byte, signature string) bool
	decoder  events.Decoder
	recorder Recorder
	clock    clock.PassiveClock
	log      logr.Logger
	refusals *refusals
	// small and large bound the memory of the bodies without a verified signature.
	small, large *budget
	// inFlight bounds the events being handled; only requests with a valid signature take a slot. With all slots taken,
	// the handler answers 503 at once: Stripe sends the event again, and waiting would not help.
	inFlight slots
	decoding slots
	writing  slots

	// RecordTimeout bounds decoding and recording a verified event. NewHandler sets it.
	RecordTimeout time.Duration
}

// NewHandler returns a handler that takes events signed with any of the secrets in use, at most limit of them at a time.
func NewHandler(secrets func() []string, limit int, decoder events.Decoder, recorder Recorder, now clock.PassiveClock, log logr.Logger) *Handler {
	exposeCounts()
	return &Handler{
		verify:  func(body []byte, signature string) bool { return verifySignature(body, signature, secrets()) },
		decoder: decoder, recorder: recorder, clock: now, log: log,
		refusals: &refusals{log: log, clock: now, kinds: map[string]*refusalKind{}},
		small:    newBudget(smallBodies, smallBodiesTime), large: newBudget(largeBodies, largeBodiesTime),
		inFlight: make(slots, limit), decoding: make(slots, maxDecoding), writing: make(slots, maxWrites),
		RecordTimeout: recordTimeout,
	}
}

// ServeHTTP handles the request, counts the answer and sends it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.clock.Now()
	a := h.handle(w, r)
	code := strconv.Itoa(a.code)
	metrics.Requests.WithLabelValues(code, a.reason).Inc()
	h.refusals.note(a.reason)
	metrics.RequestSeconds.WithLabelValues(code).Observe(h.clock.Since(start).Seconds())
	a.send(w)
}

// handle makes the cheapest checks first.
func (h *Handler) handle(w http.ResponseWriter, r *http.Request) answer {
	switch {
	case r.URL.Path != Path:
		return notFound
	case r.Method != http.MethodPost:
		return methodNotAllowed
	case !isIdentity(r.Header.Values("Content-Encoding")):
		return encodingRefused
	}
	signature, reason := checkHeader(r.Header, h.clock.Now())
	if reason != "" {
		return badSignature(reason)
	}
	if h.inFlight.full() { // do not read a body only to refuse it
		return overload
	}
	body, refused := h.readVerified(w, r, signature)
	if refused != nil {
		return *refused
	}
	if !h.inFlight.tryAcquire() {
		return overload
	}
	metrics.InFlight.Inc()
	defer func() { metrics.InFlight.Dec(); h.inFlight.release() }()
	return h.record(r.Context(), body)
}

// isIdentity reports whether the body is unencoded: the signature covers the bytes that Stripe wrote.
func isIdentity(encodings []string) bool {
	for _, encoding := range encodings {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return false
		}
	}
	return true
}

// readVerified returns the whole body, never a part of it, if its signature is valid.
func (h *Handler) readVerified(w http.ResponseWriter, r *http.Request, signature string) (body []byte, refused *answer) {
	if r.ContentLength > maxBody {
		return nil, &tooLarge
	}
	arriving := arrive(w, r)
	defer arriving.end() // also if net/http panics
	body, held, err := h.read(arriving, r.ContentLength, http.MaxBytesReader(w, r.Body, maxBody))
	defer held.release() // after the check: until then the memory is held for an unknown client
	inTime := arriving.end()
	if !inTime || errors.Is(err, errNoMemory) { // the rest of the body is not read
		w.Header().Set("Connection", "close")
	}
	var limit *http.MaxBytesError
	switch {
	case errors.Is(err, errNoMemory):
		return nil, &noMemory
	case !inTime:
		return nil, &tooSlow
	case errors.As(err, &limit):
		return nil, &tooLarge
	case err != nil:
		return nil, &bodyUnreadable
	case !h.verify(body, signature):
		w.Header().Set("Connection", "close") // does not wait for more of a client that cannot sign
		return nil, new(badSignature(reasonMismatch))
	}
	return held.keep(body), nil
}

// record decodes a verified body and records its event.
func (h *Handler) record(ctx context.Context, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, h.RecordTimeout)
	defer cancel()
	e, err := h.decode(ctx, body)
	switch {
	case err != nil && ctx.Err() != nil:
		h.log.Error(err, "Event not read in time; Stripe will send it again")
		return notRecorded
	case err != nil:
		h.log.Info("Refused a signed body that is not an event", "reason", err.Error())
		return notAnEvent(err.Error())
	}
	recorded, err := h.write(ctx, e)
	if err != nil {
		h.log.Error(err, "Event not recorded; Stripe will send it again", "eventID", e.EventID, "eventType", events.Label(e.Type))
		return notRecorded
	}
	if !recorded {
		return recordedBefore
	}
	return recordedNow
}

func (h *Handler) decode(ctx context.Context, body []byte) (*v1alpha1.BillingEventSpec, error) {
	if err := h.decoding.acquire(ctx); err != nil {
		return nil, err
	}
	defer h.decoding.release()
	return h.decoder.Decode(body)
}

func (h *Handler) write(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	if err := h.writing.acquire(ctx); err != nil {
		return false, err
	}
	defer h.writing.release()
	return h.recorder.Record(ctx, e)
}
