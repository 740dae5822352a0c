package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// trace says from which state to which the event leads. state reads what is tracked of an object: of an event's own object, and
// of the same object with its previous_attributes put back. So both are states of one shape, and the one event's "after" is the
// next one's "before".
func trace(eventType string, p Payload, state func(stripejson.Object) any) v1alpha1.Trace {
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

// fingerprint tells states apart. 64 bits are plenty: only the few states of one object are ever compared.
func fingerprint(state any) string {
	text, err := json.Marshal(state)
	if err != nil {
		return "" // it does not happen: states hold strings, numbers and times
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// subscriptionIdentity is what tells two states of a subscription apart. The names and the metadata of its prices are not the
// subscription's own: they change with no event about it.
func subscriptionIdentity(o stripejson.Object) any {
	state := stripejson.Subscription(o, "")
	for i := range state.Items {
		state.Items[i].LookupKey, state.Items[i].Nickname = "", ""
	}
	return state
}
