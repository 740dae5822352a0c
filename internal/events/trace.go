package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// newTrace reports the change that the event made, as hashes of the state before and after it. state selects the
// tracked fields of an object. It is applied to the event's object, and to the same object with its previous_attributes
// put back. So the "after" of one event equals the "before" of the next.
func newTrace(eventType string, p Payload, state func(stripejson.Object) any) v1alpha1.Trace {
	t := v1alpha1.Trace{StateAfter: fingerprint(state(p.Object))}
	switch {
	case strings.HasSuffix(eventType, ".created"):
		t.StateBefore = v1alpha1.StateNone
	case p.Previous.Present():
		before := p.Object.Before(p.Previous)
		if hash := fingerprint(state(before)); before.Err() == nil {
			t.StateBefore = hash
		}
	}
	return t
}

// fingerprint is a hash that distinguishes states. 64 bits suffice: only the few states of one object are compared.
func fingerprint(state any) string {
	text, err := json.Marshal(state)
	if err != nil {
		return "" // cannot happen: states hold only strings, numbers and times
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
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
