// Package events is the catalogue of Stripe event types: one file per type, which says how to read it and what it does.
//
// It imports no client and knows no clock.
package events

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// Type is what the operator knows of one Stripe event type. See https://docs.stripe.com/api/events/types.
type Type struct {
	// Name is Stripe's name of it.
	Name string
	// Record is the field of BillingEvent.spec that holds what it says.
	Record string
	// Does says in half a sentence what it does to the customer and its subscriptions.
	Does string
	// ByPayment says that the object names no customer: it is found by the charge or payment intent that the object names.
	ByPayment bool

	read    func(Payload, *projection.Event)
	effects []projection.Effect
}

// Payload is what an event carries of its object.
type Payload struct {
	// Object is the object as it was when the event was made.
	Object stripejson.Object
	// Previous holds the values before the event of the fields that it changed.
	Previous stripejson.Object
	// MetadataPrefix selects the metadata to keep.
	MetadataPrefix string
}

var catalogue = map[string]Type{}

// register adds a type to the catalogue.
func register(t Type) {
	if _, twice := catalogue[t.Name]; twice {
		panic(fmt.Sprintf("event type %s is in the catalogue twice", t.Name))
	}
	catalogue[t.Name] = t
}

// Lookup finds a handled type by its name.
func Lookup(name string) (Type, bool) {
	t, ok := catalogue[name]
	return t, ok
}

// All lists the handled types by name.
func All() []Type {
	types := make([]Type, 0, len(catalogue))
	for _, t := range catalogue {
		types = append(types, t)
	}
	slices.SortFunc(types, func(a, b Type) int { return cmp.Compare(a.Name, b.Name) })
	return types
}

// Change is what the event does when it is folded; nothing if its type is not handled.
func Change(e *projection.Event) projection.Change {
	return projection.Change{Event: e, Effects: catalogue[e.Type].effects}
}

// Label is the type's name as a metric label: types that are not handled are all "other", so that a sender cannot make up
// label values.
func Label(name string) string {
	if _, handled := catalogue[name]; handled {
		return name
	}
	return "other"
}
