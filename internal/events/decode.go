package events

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	maxEventType   = 255
	maxAPIVersion  = 64
	maxDecodeError = 1024
)

// Decoder turns the body of a verified request into the spec of a BillingEvent.
type Decoder struct {
	// MetadataPrefix selects the metadata to keep; empty keeps none.
	MetadataPrefix string
}

// Decode reads the envelope, and the record if the type is handled. It fails if the body is not an event: bad JSON, or no
// id, type, creation time or object. A thin event has no object and no record.
//
// A value of the object that cannot be read costs only itself: the event has a warning, and all other values. Without an
// essential value (essential.go) the event is of no use. It is still an event: its DecodeError says what is wrong, even if
// the cause is a bug here.
func (d Decoder) Decode(body []byte) (*projection.Event, error) {
	envelope, err := stripejson.Parse(body)
	if err != nil {
		return nil, err
	}
	e, err := readEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	e.PayloadSHA256 = hex.EncodeToString(sum[:])
	if e.Thin != nil {
		return e, nil
	}

	if err := panics.Catch(func() error { return d.readObject(envelope, e) }); err != nil {
		if _, found := errors.AsType[*panics.Error](err); found {
			e = envelopeOf(e) // the record may be half filled
		}
		e.DecodeError = truncate(err.Error(), maxDecodeError)
	}
	return withOneRecord(e), nil
}

// readObject reads the event's object: its links, and its record if the type is handled.
func (d Decoder) readObject(envelope stripejson.Object, e *projection.Event) error {
	object := envelope.Object("data.object").Whole()
	setLinks(e, stripejson.ReadLinks(object))
	t, handled := Lookup(e.Type)
	if handled {
		t.read(Payload{
			Object: object, Previous: envelope.Object("data.previous_attributes"), APIVersion: e.APIVersion, MetadataPrefix: d.MetadataPrefix,
		}, e)
	}
	return judge(t.Record, object.Problems(), e)
}

func readEnvelope(envelope stripejson.Object) (*projection.Event, error) {
	switch kind := envelope.Text(maxEventType, "object"); kind {
	case "", "event":
	case kindThin:
		return readThin(envelope)
	default:
		return nil, fmt.Errorf("the body is a %q, not an event", kind)
	}
	e := &projection.Event{
		EventID:    envelope.ID("id"),
		Type:       envelope.Text(maxEventType, "type"),
		APIVersion: envelope.Text(maxAPIVersion, "api_version"),
		Livemode:   envelope.Bool("livemode"),
		Account:    envelope.ID("account"),
		Context:    envelope.ID("context"),
	}
	created := envelope.Time("created")
	if err := envelope.Err(); err != nil {
		return nil, err
	}
	if err := checkEnvelope(e, created); err != nil {
		return nil, err
	}
	if !envelope.Object("data.object").Present() {
		return nil, errors.New("the event has no object (data.object)")
	}
	e.Created = *created
	return e, nil
}

// checkEnvelope returns what an event lacks that every event has.
func checkEnvelope(e *projection.Event, created *metav1.Time) error {
	switch {
	case e.EventID == "":
		return errors.New("the event has no id")
	case e.Type == "":
		return errors.New("the event has no type")
	case created == nil:
		return errors.New("the event has no creation time")
	default:
		return nil
	}
}

func setLinks(e *projection.Event, links stripejson.Links) {
	e.ObjectID, e.ObjectKind = links.ObjectID, links.ObjectKind
	e.CustomerID, e.CustomerAccount, e.SubscriptionID = links.CustomerID, links.CustomerAccount, links.SubscriptionID
	e.ChargeID, e.PaymentIntentID = links.ChargeID, links.PaymentIntentID
}

// WithoutRecord is the event without the record that the API server rejected for the reason.
func WithoutRecord(e *projection.Event, reason string) *projection.Event {
	e = envelopeOf(e)
	e.DecodeError = truncate("the record could not be stored: the API server refused it "+reason, maxDecodeError)
	return e
}

func envelopeOf(e *projection.Event) *projection.Event {
	return &projection.Event{
		EventID: e.EventID, Type: e.Type, Created: e.Created, APIVersion: e.APIVersion, Livemode: e.Livemode, Account: e.Account,
		Context: e.Context, NotifiedBy: e.NotifiedBy, Thin: e.Thin, ObjectID: e.ObjectID, ObjectKind: e.ObjectKind,
		CustomerID: e.CustomerID, CustomerAccount: e.CustomerAccount, SubscriptionID: e.SubscriptionID,
		ChargeID: e.ChargeID, PaymentIntentID: e.PaymentIntentID, PayloadSHA256: e.PayloadSHA256,
	}
}

func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
