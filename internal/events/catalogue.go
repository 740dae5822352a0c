// Package events is the catalogue of Stripe event types: one file for each type says how to read it and what it does.
// It has no client and no clock.
package events

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// Type is a handled Stripe event type. See https://docs.stripe.com/api/events/types.
type Type struct {
	// Name is Stripe's name of the type.
	Name string
	// Record is the field of BillingEvent.spec that holds the event's record.
	Record string
	// Does says in half a sentence what an event does to the customer and its subscriptions, for the documentation.
	Does string
	// RecordedOnly says in half a sentence why events of the type are kept for the audit trail only. Empty if they are folded.
	RecordedOnly string
	// ByPayment is true if the object names no customer. The customer is then found by the charge or payment intent
	// that the object names.
	ByPayment bool
	// ByProduct is true if the object is a product. The event is for every customer with a subscription to it.
	ByProduct bool

	read    func(Payload, *projection.Event)
	effects []projection.Effect
	// unless says in half a sentence why no status can show the event, such as the success of a refund; empty if one can.
	// nil if one always can.
	unless func(*projection.Event) string
	// mayLackRecord is true if read sets the record of those events only that say something that is applied.
	mayLackRecord bool
}

// AlwaysHasCustomer reports whether Stripe's object always belongs to a customer, so that an event that names none is at
// fault. A charge, for example, may be a guest's.
func (t Type) AlwaysHasCustomer() bool {
	return slices.Contains([]string{"customer", "subscription", "invoice", "features"}, t.Record)
}

// Payload is what an event carries about its object.
type Payload struct {
	// Object is the object at the time of the event.
	Object stripejson.Object
	// Previous holds the earlier values of the fields that the event changed (Stripe's previous_attributes).
	Previous stripejson.Object
	// APIVersion is the version of the object's shape; empty if it is the newest.
	APIVersion string
	// MetadataPrefix selects the metadata to keep.
	MetadataPrefix string
}

var catalogue = map[string]Type{}

// register adds a type to the catalogue. It panics if the type is already there.
func register(t Type) {
	if _, twice := catalogue[t.Name]; twice {
		panic(fmt.Sprintf("event type %s is in the catalogue twice", t.Name))
	}
	catalogue[t.Name] = t
}

// families are handled types that share a beginning and a kind of object, those that Stripe adds in the future included. A
// type with an entry in the catalogue is not looked up here.
var families = []struct {
	prefix string
	Type
}{
	{
		prefix: "charge.dispute.",
		Type: Type{
			Record: "dispute", Does: "shows the dispute's state; one that was won or withdrawn is no longer shown", ByPayment: true,
			read: readDispute, effects: []projection.Effect{projection.DisputeOpened},
		},
	},
	{
		prefix: "customer.subscription.",
		Type: Type{
			Record: "subscription", Does: "sets the subscription's whole state",
			read: readSubscription, effects: []projection.Effect{projection.SubscriptionState},
		},
	},
	{
		prefix: "invoice.",
		Type: Type{
			Record: "invoice", Does: "shows the invoice in its new state, such as void or uncollectible",
			read: readInvoice, effects: []projection.Effect{projection.InvoiceState},
		},
	},
	{
		prefix: "payment_method.",
		Type: Type{
			Record: "paymentMethod", Does: "sets the payment method's brand, last four digits and expiry",
			read: readPaymentMethod, effects: []projection.Effect{projection.PaymentMethod},
		},
	},
}

// Lookup finds a handled type by its name.
func Lookup(name string) (Type, bool) {
	if t, ok := catalogue[name]; ok {
		return t, true
	}
	for _, f := range families {
		if strings.HasPrefix(name, f.prefix) {
			t := f.Type
			t.Name = name
			return t, true
		}
	}
	return Type{}, false
}

// RecordedOnly says in half a sentence why an event is kept for the audit trail only; empty if it is folded. An event that
// could not be read may have been meant to be folded.
func RecordedOnly(e *projection.Event) string {
	t, handled := Lookup(e.Type)
	switch {
	case !handled:
		return "its type is not handled"
	case t.RecordedOnly != "":
		return t.RecordedOnly
	case t.unless != nil && e.DecodeError == "":
		return t.unless(e)
	default:
		return ""
	}
}

// Families lists the beginnings of handled types that have no entry of their own, such as "payment_method.*", as types.
func Families() []Type {
	types := make([]Type, 0, len(families))
	for _, f := range families {
		t := f.Type
		t.Name = f.prefix + "*"
		types = append(types, t)
	}
	return types
}

// All lists the types of the catalogue, by name.
func All() []Type {
	types := make([]Type, 0, len(catalogue))
	for _, t := range catalogue {
		types = append(types, t)
	}
	slices.SortFunc(types, func(a, b Type) int { return cmp.Compare(a.Name, b.Name) })
	return types
}

// Change is the event with its type's effects; without effects if it is only recorded.
func Change(e *projection.Event) projection.Change {
	if RecordedOnly(e) != "" {
		return projection.Change{Event: e}
	}
	t, _ := Lookup(e.Type)
	return projection.Change{Event: e, Effects: t.effects}
}

// Label is the type as a metric label: its name if it is handled, "thin" if it is one of a thin event, else "other". So a
// sender cannot create label values.
func Label(name string) string {
	if strings.HasPrefix(name, prefixV1) || strings.HasPrefix(name, "v2.") {
		return labelThin
	}
	if _, handled := catalogue[name]; handled {
		return name
	}
	return "other"
}
