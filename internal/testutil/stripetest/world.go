package stripetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// World is a model of a Stripe account with one customer. It holds the current objects, and the events of all their
// changes in the order in which they happened.
//
// The objects are stored in the old shape. An event has them in the shape of the world.
type World struct {
	// Account is the id of the connected account; empty for the platform's own.
	Account string
	// Name is part of every object id, so that several worlds can share a cluster.
	Name string

	mutex   sync.Mutex
	shape   Shape
	now     time.Time
	random  *rand.Rand
	objects map[string]Object
	created []string // object ids in the order of creation
	events  []Event
}

// NewWorld returns an empty account whose clock shows begin. Its events have the shape; seed determines their ids.
func NewWorld(begin time.Time, shape Shape, seed uint64) *World {
	return &World{shape: shape, now: begin, random: rand.New(rand.NewPCG(seed, 0)), objects: map[string]Object{}}
}

// Now returns the time of the account's clock.
func (w *World) Now() time.Time {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.now
}

// Advance moves the account's clock forward.
func (w *World) Advance(d time.Duration) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.now = w.now.Add(d)
}

// Events returns the events so far in the order in which they happened. Their ids sort in another order, as Stripe's
// do.
func (w *World) Events() []Event {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.events)
}

// Object returns the current object with the id in the old shape, as it is stored; nil if there is none.
func (w *World) Object(id string) Object {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.objects[id] == nil {
		return nil
	}
	return clone(w.objects[id])
}

// Objects returns the current objects of a kind, such as "subscription", oldest first.
func (w *World) Objects(kind string) []Object {
	list := w.stored(kind)
	for i := range list {
		list[i] = clone(list[i])
	}
	return list
}

// stored returns the objects of a kind as they are stored. They must not be changed: a change of the world replaces them.
func (w *World) stored(kind string) []Object {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var list []Object
	for _, id := range w.created {
		if o := w.objects[id]; o != nil && o["object"] == kind {
			list = append(list, o)
		}
	}
	return list
}

// invoicePayments returns the payments of invoices for which wanted is true, by id. They exist beside the other objects.
func (w *World) invoicePayments(wanted func(Object) bool) (list []any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, id := range slices.Sorted(maps.Keys(w.objects)) {
		if o := w.objects[id]; o != nil && o["object"] == "invoice_payment" && wanted(o) {
			list = append(list, o)
		}
	}
	return list
}

// Put adds an object without an event.
func (w *World) Put(o Object) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.add(o, "")
}

// Forget removes an object without an event, as if it had never existed.
func (w *World) Forget(id string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.objects, id)
}

// Amend changes an object without an event.
func (w *World) Amend(id string, change func(Object)) {
	o := w.Object(id)
	change(o)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.objects[id] = clone(o)
}

// add creates an object, and reports it with an event unless the event type is empty.
func (w *World) add(o Object, eventType string) {
	o = clone(o)
	w.objects[o.ID()] = o
	w.created = append(w.created, o.ID())
	if eventType != "" {
		w.report(eventType, o.ID(), nil)
	}
}

// change changes an object, and reports the change with an event unless the event type is empty. An event of type
// "…updated" has previous_attributes.
func (w *World) change(id, eventType string, change func(Object)) {
	before := w.objects[id]
	after := clone(before)
	change(after)
	w.objects[id] = clone(after)
	if eventType == "" {
		return
	}
	var previous Object
	if strings.HasSuffix(eventType, "updated") || eventType == "charge.refunded" || eventType == "payment_method.detached" {
		previous = previousAttributes(w.render(before), w.render(w.objects[id]))
	}
	w.report(eventType, id, previous)
}

// report appends an event with the current state of an object.
func (w *World) report(eventType, id string, previous Object) {
	w.events = append(w.events, Event{
		ID: w.eventID(), Type: eventType, Created: w.now, Shape: w.shape, Object: w.render(w.objects[id]), Previous: previous,
		Account: w.Account,
	})
}

func (w *World) eventID() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	id := []byte(fmt.Sprintf("evt_1%014d", len(w.events)))
	for i := 5; i < 15; i++ { // the remaining digits keep the id unique
		id[i] = digits[w.random.IntN(len(digits))]
	}
	return string(id)
}

// id returns a new object id with the prefix.
func (w *World) id(prefix string) string {
	return fmt.Sprintf("%s_%s%sW%03d", prefix, w.Account, w.Name, len(w.created)+1)
}

// previousAttributes returns the old values of the fields that changed. A nested object has only its changed fields; a
// list is whole.
func previousAttributes(before, after Object) Object {
	previous := Object{}
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for key := range keys {
		oldValue, newValue := before[key], after[key]
		if reflect.DeepEqual(oldValue, newValue) {
			continue
		}
		oldObject, oldIsObject := oldValue.(map[string]any)
		newObject, newIsObject := newValue.(map[string]any)
		if oldIsObject && newIsObject {
			previous[key] = map[string]any(previousAttributes(oldObject, newObject))
		} else {
			previous[key] = oldValue
		}
	}
	return previous
}

// clone returns a deep copy of an object. Nested values become plain JSON types, such as map[string]any and float64.
func clone(o Object) Object {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("not a JSON object: %v", err))
	}
	var copied Object
	if err := json.Unmarshal(text, &copied); err != nil {
		panic(fmt.Sprintf("not a JSON object: %v", err))
	}
	return copied
}

// render returns a copy of the object in the world's shape.
func (w *World) render(o Object) Object { return Render(o, w.shape) }

// firstItem returns a subscription's first item.
func firstItem(o Object) map[string]any {
	return o["items"].(map[string]any)["data"].([]any)[0].(map[string]any)
}
