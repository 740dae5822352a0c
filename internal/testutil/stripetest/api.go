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

// API is a stand-in for Stripe's REST API: it serves the objects and events of one or more Worlds.
// See https://docs.stripe.com/api.
type API struct {
	// Key is the secret key that requests must have.
	Key string
	// PageSize bounds the entries of a page; 0 means no bound but the limit that the request asks for.
	PageSize int
	// NoSnapshots says that thin events name no snapshot event.
	NoSnapshots bool

	mutex    sync.Mutex
	worlds   map[string]*World
	faults   []*fault
	requests []Request
	accounts map[string]string // by key; nil if only Key is accepted
	// endpoints and destinations are where the platform's account posts events to.
	endpoints, destinations []Object
}

// Request is a request that the API received, and the status of its answer.
type Request struct {
	Method  string
	Path    string
	Query   url.Values
	Account string
	Version string
	Key     string // if SetKeys has said which keys there are
	Status  int
}

// NewAPI returns an API that serves the world as the platform's own account.
func NewAPI(key string, world *World) *API {
	return &API{Key: key, worlds: map[string]*World{"": world}}
}

// Connect adds a connected account. Requests select it with the header Stripe-Account.
func (a *API) Connect(world *World) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.worlds[world.Account] = world
}

// Start starts a server for the API on a free port.
func (a *API) Start() *httptest.Server { return httptest.NewServer(a) }

// Requests returns the requests so far whose path starts with prefix.
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
	a.requests = append(a.requests, Request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Account: r.Header.Get("Stripe-Account"), Version: version,
	})
	if a.accounts != nil {
		a.requests[index].Key = keyOf(r)
	}
	a.mutex.Unlock()
	defer func() {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		a.requests[index].Status = recorder.status
	}()
	w.Header().Set("Request-Id", fmt.Sprintf("req_%06d", index))
	w.Header().Set("Stripe-Version", version)
	answer := a.answer
	if strings.HasPrefix(r.URL.Path, v2Prefix) {
		answer = a.answerV2
	}
	if f := a.nextFault(r); f != nil && f(recorder, r, answer) {
		return
	}
	answer(recorder, r)
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController flush half an answer.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// kinds are the resources whose single objects are served, with Stripe's word for the kind of object.
var kinds = map[string]string{
	"customers": "customer", "subscriptions": "subscription", "charges": "charge", "payment_intents": "payment_intent",
	"invoices": "invoice", "disputes": "dispute", "products": "product", "sessions": "checkout.session",
	"refunds": "refund", "setup_intents": "setup_intent", "payment_methods": "payment_method",
}

func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	world := a.worlds[r.Header.Get("Stripe-Account")]
	a.mutex.Unlock()
	resource, id, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v1/"), "checkout/"), "/")
	id, field, _ := strings.Cut(id, "/")
	nested, isNested := nestedList(r, world, resource, id, field)
	switch {
	case !a.accepts(r):
		refuse(w, http.StatusUnauthorized, "invalid_request_error", "", "Invalid API Key provided: "+r.Header.Get("Authorization"))
	case world == nil:
		refuse(w, http.StatusForbidden, "invalid_request_error", "account_invalid", "The provided key does not have access to that account.")
	case a.answerAccount(w, r), a.answerEndpoints(w, r):
	case r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "invalid_request_error", "", "Unrecognized request URL.")
	case resource == "events" && id == "":
		a.list(w, r, world, listEvents(world, r.URL.Query()))
	case resource == "events":
		answerEvent(w, world, id)
	case resource == "subscriptions" && id == "":
		a.list(w, r, world, listSubscriptions(world, r.URL.Query()))
	case (resource == "customers" || resource == "disputes") && id == "":
		a.list(w, r, world, newestFirst(world, kinds[resource], func(o Object) bool { return o["deleted"] != true }))
	case isNested:
		a.list(w, r, world, nested)
	case resource == "entitlements" && listEntitlements(world, id, r.URL.Query()) != nil:
		a.list(w, r, world, listEntitlements(world, id, r.URL.Query()))
	case kinds[resource] != "" && id == "":
		a.list(w, r, world, newestFirst(world, kinds[resource], func(Object) bool { return true }))
	case kinds[resource] != "" && field == "":
		a.retrieve(w, r, world, resource, id)
	default:
		refuse(w, http.StatusNotFound, "invalid_request_error", "", "Unrecognized request URL.")
	}
}

// retrieve sends one object in the shape of the request's API version.
func (a *API) retrieve(w http.ResponseWriter, r *http.Request, world *World, resource, id string) {
	o := world.Object(id)
	if strings.HasPrefix(id, "acct_") { // Accounts v2: a customer can be retrieved by its Account
		o = customerOfAccount(world, id)
	}
	if o == nil || o["object"] != kinds[resource] {
		refuse(w, http.StatusNotFound, "invalid_request_error", "resource_missing", fmt.Sprintf("No such %s: '%s'", kinds[resource], id))
		return
	}
	query := r.URL.Query()
	stored := o
	switch resource {
	case "sessions":
		o = withSubscription(world, withLines(o, query), query)
	case "invoices":
		o = withPayments(world, o, r)
	}
	o = Render(o, shapeOf(r))
	if slices.Contains(query["expand[]"], "lines.data.pricing.price_details.price") {
		o = ExpandPrices(o, stored)
	}
	send(w, http.StatusOK, o)
}

// ExpandPrices replaces the ids of prices in the lines of an invoice, which is in the new shape, by the prices of the same
// invoice in the old shape. See https://docs.stripe.com/api/expanding_objects.
func ExpandPrices(invoice, old Object) Object {
	expandPrices(entries(invoice, "lines"), pricesOfLines(old))
	return invoice
}

// shapeOf is the shape of the API version that the request selects.
func shapeOf(r *http.Request) Shape { return ShapeOf(r.Header.Get("Stripe-Version")) }

// nestedList is a list that belongs to an object, if the request asks for one.
func nestedList(r *http.Request, world *World, resource, id, field string) (list []any, isNested bool) {
	query := r.URL.Query()
	switch {
	case world == nil:
		return nil, false
	case resource == "subscription_items" && id == "":
		return listEntries(r, world.Object(query.Get("subscription")), "items"), true
	case resource == "invoice_payments" && id == "" && shapeOf(r) == New:
		return listInvoicePayments(world, query), true
	case resource == "invoices" && field == "lines", resource == "sessions" && field == "line_items":
		return listEntries(r, world.Object(id), field), true
	default:
		return nil, false
	}
}

// listEntries returns all entries of a list within an object.
func listEntries(r *http.Request, o Object, field string) (list []any) {
	whole := entries(RenderWhole(o, shapeOf(r)), field)
	if slices.Contains(r.URL.Query()["expand[]"], "data.pricing.price_details.price") {
		expandPrices(whole, pricesOfLines(o))
	}
	for _, entry := range whole {
		list = append(list, Object(entry))
	}
	return list
}

// pricesOfLines are the prices of an invoice as it is stored, by their ids.
func pricesOfLines(invoice Object) map[any]any {
	prices := map[any]any{}
	for _, line := range entries(invoice, "lines") {
		if price, ok := line["price"].(map[string]any); ok {
			prices[price["id"]] = price
		}
	}
	return prices
}

// expandPrices replaces the ids of the lines' prices by the prices.
func expandPrices(lines []map[string]any, prices map[any]any) {
	for _, line := range lines {
		pricing, _ := line["pricing"].(map[string]any)
		if details, ok := pricing["price_details"].(map[string]any); ok && prices[details["price"]] != nil {
			details["price"] = prices[details["price"]]
		}
	}
}

// withPayments returns an invoice with its payments if the query asks for them. They exist since 2025-03-31.
func withPayments(world *World, invoice Object, r *http.Request) Object {
	if shapeOf(r) == Old || !slices.Contains(r.URL.Query()["expand[]"], "payments") {
		return invoice
	}
	payments := world.invoicePayments(func(o Object) bool { return o["invoice"] == invoice.ID() })
	return invoice.With("payments", Object{"object": "list", "has_more": false, "data": append([]any{}, payments...)})
}

// listInvoicePayments returns the payments of invoices that the query's payment intent made.
func listInvoicePayments(world *World, query url.Values) []any {
	return world.invoicePayments(func(o Object) bool {
		payment, _ := o["payment"].(map[string]any)
		return payment["type"] == query.Get("payment[type]") && payment["payment_intent"] == query.Get("payment[payment_intent]")
	})
}

// customerOfAccount returns the customer that the Account is; nil if there is none.
func customerOfAccount(world *World, account string) Object {
	for _, o := range world.Objects("customer") {
		if o["customer_account"] == account {
			return o
		}
	}
	return nil
}

// listEvents returns the events that match the query, newest first.
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

// listSubscriptions returns the subscriptions, of the query's customer if it names one, newest first; ended ones only for status=all.
func listSubscriptions(world *World, query url.Values) []any {
	return newestFirst(world, "subscription", func(o Object) bool {
		ended := o["status"] == "canceled" || o["status"] == "incomplete_expired"
		return (!query.Has("customer") || o["customer"] == query.Get("customer")) && (!ended || query.Get("status") == "all")
	})
}

// newestFirst returns the objects of a kind for which wanted is true.
func newestFirst(world *World, kind string, wanted func(Object) bool) []any {
	var list []any
	for _, o := range slices.Backward(world.stored(kind)) {
		if wanted(o) {
			list = append(list, o)
		}
	}
	return list
}

// expand replaces the charge of each dispute of a page by the object, if the query asks for it. See
// https://docs.stripe.com/api/expanding_objects.
func expand(world *World, query url.Values, page []any) []any {
	if !slices.Contains(query["expand[]"], "data.charge") {
		return page
	}
	expanded := slices.Clone(page)
	for i, item := range page {
		if o, ok := item.(Object); ok {
			id, _ := o["charge"].(string)
			expanded[i] = o.With("charge", world.Object(id))
		}
	}
	return expanded
}

// withLines returns a checkout session with what was bought only if the query asks for it, as Stripe does.
func withLines(session Object, query url.Values) Object {
	switch isWanted := slices.Contains(query["expand[]"], "line_items"); {
	case !isWanted:
		delete(session, "line_items")
	case session["line_items"] == nil:
		session["line_items"] = Object{"object": "list", "data": []any{}, "has_more": false}
	}
	return session
}

// withSubscription returns a checkout session with its subscription as an object if the query asks for it.
func withSubscription(world *World, session Object, query url.Values) Object {
	id, _ := session["subscription"].(string)
	if id == "" || !slices.Contains(query["expand[]"], "subscription") {
		return session
	}
	return session.With("subscription", world.Object(id))
}

func number(query url.Values, name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// list sends the page that starts after the object that the query names.
func (a *API) list(w http.ResponseWriter, r *http.Request, world *World, all []any) {
	if after := r.URL.Query().Get("starting_after"); after != "" {
		i := slices.IndexFunc(all, func(item any) bool { return idOf(item) == after })
		if i < 0 {
			send(w, http.StatusBadRequest, Object{"error": Object{
				"type": "invalid_request_error", "code": "resource_missing", "message": fmt.Sprintf("No such object: '%s'", after), "param": "starting_after",
			}})
			return
		}
		all = all[i+1:]
	}
	limit := int(number(r.URL.Query(), "limit", 10))
	if a.PageSize > 0 {
		limit = min(limit, a.PageSize)
	}
	page := []any{}
	for _, item := range expand(world, r.URL.Query(), all[:min(limit, len(all))]) {
		if o, ok := item.(Object); ok {
			item = Render(o, shapeOf(r))
		}
		page = append(page, item)
	}
	send(w, http.StatusOK, Object{"object": "list", "url": r.URL.Path, "has_more": len(page) < len(all), "data": page})
}

func idOf(item any) string {
	if o, ok := item.(Object); ok {
		return o.ID()
	}
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
		panic(fmt.Sprintf("marshal an answer: %v", err))
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

// Fault interferes with a request before it is answered, and reports whether it has sent an answer itself.
type Fault func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) bool

type fault struct {
	wanted func(*http.Request) bool
	times  int
	fault  Fault
}

// Fail applies the fault to the next requests for which wanted is true, as many times as given.
func (a *API) Fail(times int, f Fault, wanted func(*http.Request) bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.faults = append(a.faults, &fault{wanted: wanted, times: times, fault: f})
}

// nextFault returns the fault that applies to the request, and uses it up; nil if none does.
func (a *API) nextFault(r *http.Request) Fault {
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

// RateLimited is a fault that answers 429.
func RateLimited(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "invalid_request_error", "rate_limit", "Request rate limit exceeded.")
	return true
}

// ServerError is a fault that answers 500.
func ServerError(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
	refuse(w, http.StatusInternalServerError, "api_error", "", "An unknown error occurred.")
	return true
}

// Truncated is a fault that sends the first half of the answer, and closes the connection.
func Truncated(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) bool {
	whole := httptest.NewRecorder()
	answer(whole, r)
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// NotPermitted is a fault that answers as Stripe does if a restricted key lacks a permission.
func NotPermitted(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
	refuse(w, http.StatusForbidden, "invalid_request_error", "", "The provided key does not have the required permissions for this endpoint.")
	return true
}

// WithoutPermission returns a fault that answers as Stripe does to a restricted key without the named permission.
func WithoutPermission(name string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
		refuse(w, http.StatusForbidden, "invalid_request_error", "", "The provided key 'rk_test_*********tion' does not have the required permissions for "+
			"this endpoint on account 'acct_1'. Having the '"+name+"' permission would allow this request to continue.")
		return true
	}
}

// Dropped is a fault that closes the connection without an answer.
func Dropped(http.ResponseWriter, *http.Request, http.HandlerFunc) bool { panic(http.ErrAbortHandler) }

// Hanging is a fault that waits until the client has disconnected.
func Hanging(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
	<-r.Context().Done()
	return true
}

// Slow returns a fault that delays the answer by d.
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
