package stripetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ThinID is the id of the thin event that reports the same change.
func (e Event) ThinID() string { return "evt_test_" + strings.TrimPrefix(e.ID, "evt_") }

// ThinJSON returns the thin event that reports the same change, in the form in which Stripe posts it. See
// https://docs.stripe.com/event-destinations#thin-events.
func (e Event) ThinJSON() []byte { return marshal(e.thin()) }

// ThinWithSnapshotJSON returns the same as Stripe's API returns it: with the event that carries the object.
func (e Event) ThinWithSnapshotJSON() []byte { return marshal(e.thin().With("snapshot_event", e.ID)) }

func (e Event) thin() Object {
	kind, _ := e.Object["object"].(string)
	thin := Object{
		"id": e.ThinID(), "object": "v2.core.event", "type": "v1." + e.Type, "livemode": e.Livemode, "reason": nil,
		"created":        e.Created.UTC().Add(246 * time.Millisecond).Format("2006-01-02T15:04:05.000Z"),
		"related_object": Object{"id": e.Object.ID(), "type": kind, "url": "/v1/" + resourceOf(kind) + "/" + e.Object.ID()},
	}
	if e.Account != "" {
		thin["context"] = e.Account
	}
	return thin
}

// resourceOf is the resource of a kind of object.
func resourceOf(kind string) string {
	for resource, k := range kinds {
		if k == kind {
			return strings.Replace(resource, "sessions", "checkout/sessions", 1)
		}
	}
	return kind + "s"
}

func marshal(o Object) []byte {
	body, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("marshal an event: %v", err))
	}
	return body
}

// v2Prefix begins the paths of Stripe's API v2.
const v2Prefix = "/v2/core/events/"

// answerV2 serves thin events. API v2 has versions since 2024-09-30, and takes the account from another header than v1.
func (a *API) answerV2(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	world, noSnapshots := a.worlds[r.Header.Get("Stripe-Context")], a.NoSnapshots
	a.mutex.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+a.Key:
		refuse(w, http.StatusUnauthorized, "invalid_request_error", "", "Invalid API Key provided")
		return
	case r.Header.Get("Stripe-Version") < "2024-09-30", r.Header.Get("Stripe-Account") != "":
		refuse(w, http.StatusBadRequest, "invalid_request_error", "", "API v2 needs a newer Stripe-Version, and takes the account from Stripe-Context.")
		return
	case world == nil:
		refuse(w, http.StatusForbidden, "", "account_invalid", "The provided key does not have access to that account.")
		return
	}
	for _, e := range world.Events() {
		if e.ThinID() != strings.TrimPrefix(r.URL.Path, v2Prefix) {
			continue
		}
		thin := e.thin()
		if !noSnapshots {
			thin["snapshot_event"] = e.ID
		}
		send(w, http.StatusOK, thin)
		return
	}
	refuse(w, http.StatusNotFound, "", "not_found", "Requested event was not found.") // v2 names no type
}

// answerEvent serves one event.
func answerEvent(w http.ResponseWriter, world *World, id string) {
	for _, e := range world.Events() {
		if e.ID == id {
			send(w, http.StatusOK, json.RawMessage(e.JSON()))
			return
		}
	}
	refuse(w, http.StatusNotFound, "invalid_request_error", "resource_missing", fmt.Sprintf("No such event: '%s'", id))
}
