package stripetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// API stands in for Stripe's REST API: it serves the objects and events of one or more Worlds over Stripe's wire format.
// See https://docs.stripe.com/api.
type API struct {
	// Key is the secret key that it wants.
	Key string
	// PageSize is the most that a page holds; 0 for Stripe's 100.
	PageSize int

	mutex    sync.Mutex
	worlds   map[string]*World
	faults   []*fault
	requests []Request
}

// Request is one that the API was sent.
type Request struct {
	Path    string
	Query   url.Values
	Account string
	Version string
	Status  int
}

// NewAPI serves the platform's own account.
func NewAPI(key string, world *World) *API {
	return &API{Key: key, worlds: map[string]*World{"": world}}
}

// Connect adds a connected account, which requests name in Stripe-Account.
func (a *API) Connect(world *World) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.worlds[world.Account] = world
}

// Start serves on a port of its own.
func (a *API) Start() *httptest.Server { return httptest.NewServer(a) }

// Requests are those so far whose path begins so.
func (a *API) Requests(prefix string) []Request {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return slices.DeleteFunc(slices.Clone(a.requests), func(r Request) bool { return !strings.HasPrefix(r.Path, prefix) })
}

// ServeHTTP answers as Stripe does.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	recorder := &statusRecorder{ResponseWriter: w}
	version := r.Header.Get("Stripe-Version")
	a.mutex.Lock()
	index := len(a.requests)
	a.requests = append(a.requests, Request{Path: r.URL.Path, Query: r.URL.Query(), Account: r.Header.Get("Stripe-Account"), Version: version})
	a.mutex.Unlock()
	defer func() {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		a.requests[index].Status = recorder.status
	}()
	w.Header().Set("Request-Id", fmt.Sprintf("req_%06d", index))
	w.Header().Set("Stripe-Version", version)
	if f := a.fault(r); f != nil && f(recorder, r, a.answer) {
		return
	}
	a.answer(recorder, r)
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the half of an answer be flushed.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// kinds are the resources of which single objects are served, with what Stripe calls their kind.
var kinds = map[string]string{
	"customers": "customer", "subscriptions": "subscription", "charges": "charge", "payment_intents": "payment_intent",
	"invoices": "invoice", "disputes": "dispute",
}

func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	world := a.worlds[r.Header.Get("Stripe-Account")]
	a.mutex.Unlock()
	resource, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+a.Key:
		refuse(w, http.StatusUnauthorized, "invalid_request_error", "", "Invalid API Key provided: "+r.Header.Get("Authorization"))
	case world == nil:
		refuse(w, http.StatusForbidden, "invalid_request_error", "account_invalid", "The provided key does not have access to that account.")
	case r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "invalid_request_error", "", "Unrecognized request URL.")
	case resource == "events" && id == "":
		a.list(w, r, listEvents(world, r.URL.Query()))
	case resource == "subscriptions" && id == "":
		a.list(w, r, listSubscriptions(world, r.URL.Query()))
	case kinds[resource] != "":
		if o := world.Object(id); o != nil && o["object"] == kinds[resource] {
			send(w, http.StatusOK, o)
			return
		}
		refuse(w, http.StatusNotFound, "invalid_request_error", "resource_missing", fmt.Sprintf("No such %s: '%s'", kinds[resource], id))
	default:
		refuse(w, http.StatusNotFound, "invalid_request_error", "", "Unrecognized request URL.")
	}
}

// listEvents lists the events that the query asks for, the newest first.
func listEvents(world *World, query url.Values) []any {
	var list []any
	for _, e := range slices.Backward(world.Events()) {
		created := e.Created.Unix()
		if created < number(query, "created[gte]", 0) || created > number(query, "created[lte]", created) {
			continue
		}
		list = append(list, json.RawMessage(e.JSON()))
	}
	return list
}

// listSubscriptions lists a customer's, the newest first; canceled ones only if the query asks for them.
func listSubscriptions(world *World, query url.Values) []any {
	var list []any
	for _, o := range slices.Backward(world.Objects("subscription")) {
		ended := o["status"] == "canceled" || o["status"] == "incomplete_expired"
		if o["customer"] != query.Get("customer") || ended && query.Get("status") != "all" {
			continue
		}
		list = append(list, o)
	}
	return list
}

func number(query url.Values, name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// list sends the page that begins after the object that the query names.
func (a *API) list(w http.ResponseWriter, r *http.Request, all []any) {
	if after := r.URL.Query().Get("starting_after"); after != "" {
		i := slices.IndexFunc(all, func(item any) bool { return idOf(item) == after })
		if i < 0 {
			refuse(w, http.StatusBadRequest, "invalid_request_error", "resource_missing", fmt.Sprintf("No such object: '%s'", after))
			return
		}
		all = all[i+1:]
	}
	limit := int(number(r.URL.Query(), "limit", 10))
	if a.PageSize > 0 {
		limit = min(limit, a.PageSize)
	}
	page := all[:min(limit, len(all))]
	if page == nil {
		page = []any{}
	}
	send(w, http.StatusOK, Object{"object": "list", "url": r.URL.Path, "has_more": len(page) < len(all), "data": page})
}

func idOf(item any) string {
	text, err := json.Marshal(item)
	if err != nil {
		return ""
	}
	var o Object
	if err := json.Unmarshal(text, &o); err != nil {
		return ""
	}
	return o.ID()
}

func send(w http.ResponseWriter, status int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("an answer that is no JSON: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// refuse answers with an error. See https://docs.stripe.com/api/errors.
func refuse(w http.ResponseWriter, status int, kind, code, message string) {
	failure := Object{"type": kind, "message": message}
	if code != "" {
		failure["code"] = code
	}
	send(w, status, Object{"error": failure})
}

// Fault spoils an answer. It says whether it has answered instead.
type Fault func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) bool

type fault struct {
	wanted func(*http.Request) bool
	times  int
	fault  Fault
}

// Fail spoils the answers to the next requests that are wanted, so many times.
func (a *API) Fail(times int, f Fault, wanted func(*http.Request) bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.faults = append(a.faults, &fault{wanted: wanted, times: times, fault: f})
}

func (a *API) fault(r *http.Request) Fault {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, f := range a.faults {
		if f.times > 0 && f.wanted(r) {
			f.times--
			return f.fault
		}
	}
	return nil
}

// RateLimited answers 429.
func RateLimited(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "invalid_request_error", "rate_limit", "Request rate limit exceeded.")
	return true
}

// ServerError answers 500.
func ServerError(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
	refuse(w, http.StatusInternalServerError, "api_error", "", "An unknown error occurred.")
	return true
}

// Truncated answers with the first half of the true answer, and closes the connection.
func Truncated(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) bool {
	whole := httptest.NewRecorder()
	answer(whole, r)
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Dropped closes the connection with no answer.
func Dropped(http.ResponseWriter, *http.Request, http.HandlerFunc) bool { panic(http.ErrAbortHandler) }

// Hanging answers when the client has gone.
func Hanging(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
	<-r.Context().Done()
	return true
}

// Slow answers so much later.
func Slow(d time.Duration) Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
		return false
	}
}
