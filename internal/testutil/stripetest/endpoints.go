package stripetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// knownEvent reports whether Stripe has an event type of the name, as far as the tests need it.
func knownEvent(name string) bool {
	return name == "*" || strings.Contains(name, ".") && name != "setup_intent.failed" && !strings.Contains(name, "*")
}

// AddEndpoint adds a webhook endpoint to the platform's account. See https://docs.stripe.com/api/webhook_endpoints/object.
func (a *API) AddEndpoint(endpoint Object) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.endpoints = append(a.endpoints, endpoint.With("object", "webhook_endpoint"))
}

// AddDestination adds an event destination to the platform's account. See
// https://docs.stripe.com/api/v2/core/event-destinations/object.
func (a *API) AddDestination(destination Object) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.destinations = append(a.destinations, destination.With("object", "v2.core.event_destination"))
}

// Endpoints returns the webhook endpoints of the platform's account.
func (a *API) Endpoints() []Object {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return slices.Clone(a.endpoints)
}

// answerEndpoints serves webhook endpoints and event destinations. It reports false for another path.
func (a *API) answerEndpoints(w http.ResponseWriter, r *http.Request) bool {
	id, isOne := strings.CutPrefix(r.URL.Path, "/v1/webhook_endpoints/")
	if !isOne {
		id = ""
	}
	switch {
	case r.URL.Path == "/v2/core/event_destinations":
		a.mutex.Lock()
		defer a.mutex.Unlock()
		send(w, http.StatusOK, Object{"data": a.destinations, "next_page_url": nil, "previous_page_url": nil})
	case r.URL.Path == "/v1/webhook_endpoints" && r.Method == http.MethodGet:
		var list []any
		for _, endpoint := range a.Endpoints() {
			list = append(list, endpoint)
		}
		a.list(w, r, nil, list)
	case r.URL.Path == "/v1/webhook_endpoints" && r.Method == http.MethodPost, isOne && r.Method == http.MethodPost:
		a.writeEndpoint(w, r, id)
	default:
		return false
	}
	return true
}

// writeEndpoint creates the endpoint, or updates the one with the id.
func (a *API) writeEndpoint(w http.ResponseWriter, r *http.Request, id string) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "", "Invalid form.")
		return
	}
	var events []string
	metadata := Object{}
	for i := 0; r.PostForm.Has(fmt.Sprintf("enabled_events[%d]", i)); i++ {
		name := r.PostForm.Get(fmt.Sprintf("enabled_events[%d]", i))
		if !knownEvent(name) {
			send(w, http.StatusBadRequest, Object{"error": Object{
				"type": "invalid_request_error", "message": "Invalid enabled_events: must be one of …", "param": fmt.Sprintf("enabled_events[%d]", i),
			}})
			return
		}
		events = append(events, name)
	}
	for name := range r.PostForm {
		if key, isMetadata := strings.CutPrefix(name, "metadata["); isMetadata {
			metadata[strings.TrimSuffix(key, "]")] = r.PostForm.Get(name)
		}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if id == "" {
		created := Object{
			"id": fmt.Sprintf("we_%03d", len(a.endpoints)+1), "object": "webhook_endpoint", "url": r.PostForm.Get("url"), "status": "enabled",
			"api_version": nil, "application": nil, "description": r.PostForm.Get("description"), "enabled_events": events, "metadata": metadata,
		}
		if version := r.PostForm.Get("api_version"); version != "" {
			created["api_version"] = version
		}
		if r.PostForm.Get("connect") == "true" {
			created["application"] = "ca_Platform"
		}
		a.endpoints = append(a.endpoints, created)
		send(w, http.StatusOK, created.With("secret", fmt.Sprintf("whsec_created%d", len(a.endpoints))))
		return
	}
	i := slices.IndexFunc(a.endpoints, func(o Object) bool { return o.ID() == id })
	if i < 0 || r.PostForm.Has("api_version") || r.PostForm.Has("connect") {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "parameter_unknown", "Received unknown parameter, or no such endpoint.")
		return
	}
	updated := a.endpoints[i].With("enabled_events", events).With("description", r.PostForm.Get("description"))
	if r.PostForm.Get("disabled") == "false" {
		updated["status"] = "enabled"
	}
	merged, hasMetadata := updated["metadata"].(Object)
	if !hasMetadata {
		merged = Object{}
	}
	for key, value := range metadata {
		merged = merged.With(key, value)
	}
	updated["metadata"] = merged
	a.endpoints[i] = updated
	send(w, http.StatusOK, updated)
}

// KeyExpired is a fault that answers as Stripe does once a key has expired or was rolled.
func KeyExpired(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
	refuse(w, http.StatusUnauthorized, "invalid_request_error", "api_key_expired", "Expired API Key provided: sk_test_*********tion")
	return true
}

// Disconnected is a fault that answers as Stripe does once a connected account has revoked the platform's access.
func Disconnected(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
	refuse(w, http.StatusForbidden, "invalid_request_error", "account_invalid", fmt.Sprintf("The provided key 'sk_test_*********tion' does not "+
		"have access to account '%s' (or that account does not exist). Application access may have been revoked.", r.Header.Get("Stripe-Account")))
	return true
}
