package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// newTrace reports the change that the event made, as hashes of the state before and after it. state selects the
// tracked fields of an object. It is applied to the event's object, and to the same object with its previous_attributes
// put back. So the "after" of one event equals the "before" of the next. settings are those that the state depends on.
//
// A state with a field that could not be read has no hash: nothing is known to follow it.
func newTrace(eventType string, p Payload, state func(stripejson.Object) any, settings ...string) v1alpha1.Trace {
	var t v1alpha1.Trace
	if hash := fingerprint(state(p.Object), settings...); p.Object.Err() == nil {
		t.StateAfter = hash
	}
	switch {
	case strings.HasSuffix(eventType, ".created"):
		t.StateBefore = v1alpha1.StateNone
	case p.Previous.Present() && p.Previous.HoldsBefore(p.APIVersion):
		before := p.Object.Before(p.Previous)
		if hash := fingerprint(state(before), settings...); before.Err() == nil {
			t.StateBefore = hash
		}
	}
	return t
}

// readersRevision is part of every hash's version. Raise it when a reader reads another value into a field that it read
// before: then hashes of the same state differ, although the fields are the same.
const readersRevision = "2"

// fingerprint is a hash that distinguishes states, after its version: "1f6a20:9d3c52b07ac1e644". Only hashes of one
// version can be compared. So the version has all that the hash of one state depends on: the fields that are tracked,
// readersRevision, and settings. 64 bits suffice: only the few states of one object are compared.
//
// For example, a release that reads a new field of subscriptions hashes the same state to another value. Its first event
// about each subscription would seem to follow a state that no event reported. As the versions differ, it does not.
func fingerprint(state any, settings ...string) string {
	text, err := json.Marshal(state)
	if err != nil {
		return "" // cannot happen: states hold only strings, numbers and times
	}
	sum := sha256.Sum256(text)
	return stateVersion(reflect.TypeOf(state), settings) + v1alpha1.StateVersionEnd + hex.EncodeToString(sum[:8])
}

func stateVersion(tracked reflect.Type, settings []string) string {
	hash := sha256.New()
	for _, part := range append([]string{readersRevision, fieldsOf(tracked)}, settings...) {
		fmt.Fprintf(hash, "%q", part)
	}
	return hex.EncodeToString(hash.Sum(nil)[:3])
}

// knownFields caches fieldsOf, by type: it is the same for every event.
var knownFields sync.Map

// fieldsOf describes a type as JSON shows it: the names and types of all fields, those of nested structs included.
func fieldsOf(t reflect.Type) string {
	if known, ok := knownFields.Load(t); ok {
		return known.(string)
	}
	text := describe(t)
	knownFields.Store(t, text)
	return text
}

func describe(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice:
		return t.Kind().String() + " " + describe(t.Elem())
	case t.Kind() == reflect.Map:
		return "map " + describe(t.Elem())
	case t.Kind() != reflect.Struct || t.Implements(reflect.TypeFor[json.Marshaler]()):
		return t.String()
	}
	var text strings.Builder
	for field := range t.Fields() {
		fmt.Fprintf(&text, "%s %s; ", field.Tag.Get("json"), describe(field.Type))
	}
	return "{" + text.String() + "}"
}

// subscriptionIdentity is the tracked part of a subscription's state. It leaves out the names and metadata of the
// prices: they can change without an event about the subscription.
func subscriptionIdentity(o stripejson.Object) any {
	state := stripejson.Subscription(o, "")
	for i := range state.Items {
		state.Items[i].LookupKey, state.Items[i].Nickname = "", ""
	}
	return state
}
