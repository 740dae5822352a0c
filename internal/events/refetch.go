package events

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// LacksRecord reports whether the event is of a handled type, and cannot be applied for want of a record: it could not be
// decoded or stored, or the version that recorded it did not know the type.
func LacksRecord(e *projection.Event) bool {
	_, handled := Lookup(e.Type)
	return handled && (e.DecodeError != "" || !HasRecord(e))
}

// SaysNothing reports whether the event has no record because its type has one only if the event says something that is
// applied. A version that did not know the type has recorded the same of an event that does.
func SaysNothing(e *projection.Event) bool {
	t, handled := Lookup(e.Type)
	return handled && t.mayLackRecord && e.DecodeError == "" && !HasRecord(e)
}

// IsApplied reports whether this version does more with the event than to record it. Of an event without a record, the type
// decides.
func IsApplied(e *projection.Event) bool {
	if _, leadsToOne := SnapshotType(e); leadsToOne {
		return true
	}
	if t, handled := Lookup(e.Type); handled && LacksRecord(e) {
		return t.RecordedOnly == ""
	}
	return RecordedOnly(e) == ""
}

// Refetch decodes an event that was read from Stripe again. It fails if it is not the event that was recorded, or cannot be
// read now, either.
func (d Decoder) Refetch(recorded *v1alpha1.BillingEventSpec, body []byte) (*projection.Event, error) {
	e, err := d.Decode(body)
	switch {
	case err != nil:
		return nil, err
	case e.EventID != recorded.EventID || e.Type != recorded.Type || e.Livemode != recorded.Livemode || e.Thin != nil:
		return nil, fmt.Errorf("stripe returned the event %s (%s) when it was asked for the event %s", e.EventID, e.Type, recorded.EventID)
	case e.DecodeError != "":
		return nil, fmt.Errorf("%s", e.DecodeError)
	}
	e.Account = recorded.Account // Stripe does not name it to the account itself
	return asRecorded(e, recorded), nil
}

// RefetchObject makes an event of Announce anew, of its object as it was read from Stripe again: Stripe has no such event.
// It fails if the object is another one, was deleted since, or cannot be read now, either.
func (d Decoder) RefetchObject(recorded *v1alpha1.BillingEventSpec, object json.RawMessage) (*projection.Event, error) {
	e, err := d.Announce(&projection.Event{
		EventID: recorded.NotifiedBy, Created: recorded.Created, Livemode: recorded.Livemode, Account: recorded.Account,
		Context: recorded.Context, ObjectID: recorded.ObjectID, ObjectKind: recorded.ObjectKind,
	}, recorded.Type, object)
	switch {
	case err != nil:
		return nil, err
	case e.DecodeError != "":
		return nil, fmt.Errorf("%s", e.DecodeError)
	}
	return asRecorded(e, recorded), nil
}

// asRecorded leaves the event with the customer that it was recorded for: its controller takes the event.
func asRecorded(e *projection.Event, recorded *v1alpha1.BillingEventSpec) *projection.Event {
	e.CustomerID = cmp.Or(recorded.CustomerID, e.CustomerID)
	return e
}
