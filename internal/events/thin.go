package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	// kindThin is Stripe's word for a thin event. See https://docs.stripe.com/api/v2/core/events/object.
	kindThin = "v2.core.event"
	// prefixV1 begins the types of thin events about objects of API v1: v1.invoice.paid is the thin version of invoice.paid.
	prefixV1 = "v1."
	// labelThin is the metric label of all thin events.
	labelThin = "thin"
	// suffixRead ends the id of an event that Announce makes.
	suffixRead = "_read"
)

// readThin reads a thin event. It names the object that changed, and does not carry it, so that it has no customer.
//
// Instead of the account it has the path to it, which ends with the account: in an organization, that of a connected account
// is acct_(platform)/acct_(connected). It may be the account of the API key itself, which snapshot events do not name. See
// https://docs.stripe.com/context.
func readThin(envelope stripejson.Object) (*projection.Event, error) {
	e := &projection.Event{
		EventID:    envelope.ID("id"),
		Type:       envelope.Text(maxEventType, "type"),
		Livemode:   envelope.Bool("livemode"),
		Context:    envelope.ID("context"),
		ObjectID:   envelope.ID("related_object.id"),
		ObjectKind: envelope.Text(maxEventType, "related_object.type"),
		Thin:       &v1alpha1.ThinRecord{SnapshotEventID: envelope.ID("snapshot_event")},
	}
	e.Account = e.Context[strings.LastIndexByte(e.Context, '/')+1:]
	created := envelope.Instant("created")
	if err := envelope.Err(); err != nil {
		return nil, err
	}
	if err := checkEnvelope(e, created); err != nil {
		return nil, err
	}
	e.Created = *created
	return e, nil
}

// updates are the types of the events that report a change of an object of a kind, whatever has changed.
var updates = map[string]string{
	"customer":     "customer.updated",
	"dispute":      "charge.dispute.updated",
	"invoice":      "invoice.updated",
	"product":      "product.updated",
	"subscription": "customer.subscription.updated",
}

// SnapshotType is the type of the event that reports the same change as a thin event, together with the object. Some thin
// events have none of their own, such as v1.customer.subscription.past_due: they report a change of the object.
//
// It reports false if the thin event is of no use: no such type is handled, or it is about an object of Stripe's API v2.
func SnapshotType(e *projection.Event) (name string, handled bool) {
	name, isV1 := strings.CutPrefix(e.Type, prefixV1)
	if e.Thin == nil || !isV1 {
		return "", false
	}
	if _, handled := Lookup(name); handled {
		return name, true
	}
	name, handled = updates[e.ObjectKind]
	return name, handled
}

// AnnouncedID is the id of the event that Announce makes of the thin event with the id.
func AnnouncedID(thinID string) string { return thinID + suffixRead }

// errDeleted is why a reading is no event.
var errDeleted = errors.New("stripe has deleted the object since")

// IsDeletedSince reports whether the error of Announce says that the object was deleted after the change.
func IsDeletedSince(err error) bool { return errors.Is(err, errDeleted) }

// Announce makes the event that Stripe would have sent instead of the thin event, if Stripe has none: of its type name, with
// the object as it was read after the thin event had come.
//
// The object may be newer than the change. That does no harm, since the newer change has an event of its own. For example,
// one thin event reports 2 seats and a second later another one reports 3. Both are read as 3: the first event shows 3 too
// early, and the second one does not change that. But an object that was deleted since has lost its fields: its deletion has
// an event, and this one is none.
func (d Decoder) Announce(thin *projection.Event, name string, object json.RawMessage) (*projection.Event, error) {
	read, err := stripejson.Parse(object)
	if err != nil {
		return nil, err
	}
	if links := stripejson.ReadLinks(read); links.ObjectID != thin.ObjectID || links.ObjectKind != thin.ObjectKind {
		return nil, fmt.Errorf("stripe returned the %q %s when it was asked for the %s %s", links.ObjectKind, links.ObjectID,
			thin.ObjectKind, thin.ObjectID)
	}
	if read.Bool("deleted") && !strings.HasSuffix(name, ".deleted") {
		return nil, errDeleted
	}
	body, err := json.Marshal(map[string]any{
		"id": AnnouncedID(thin.EventID), "type": name, "created": thin.Created.Unix(), "livemode": thin.Livemode,
		"data": map[string]any{"object": object},
	})
	if err != nil {
		return nil, err
	}
	e, err := d.Decode(body)
	if err != nil {
		return nil, err
	}
	e.Account, e.Context, e.NotifiedBy = thin.Account, thin.Context, thin.EventID
	return e, nil
}
