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

// World is a model of a Stripe account with one customer: its objects as they are now, and the events that were made of their
// changes, in the order in which they happened.
//
// Objects are kept in the shape of the old API version and turned into the new one where an event is made in it.
type World struct {
	// Account is the connected account that this is; empty for the platform's own.
	Account string
	// Name is part of every id, so that the objects of several worlds can live side by side.
	Name string

	mutex   sync.Mutex
	shape   Shape
	now     time.Time
	random  *rand.Rand
	objects map[string]Object
	made    []string // ids in the order of creation
	events  []Event
}

// NewWorld begins an account at a time. Its events are made in the shape; seed makes their ids.
func NewWorld(begin time.Time, shape Shape, seed uint64) *World {
	return &World{shape: shape, now: begin, random: rand.New(rand.NewPCG(seed, 0)), objects: map[string]Object{}}
}

// Now is the account's present time.
func (w *World) Now() time.Time {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.now
}

// Advance lets time pass.
func (w *World) Advance(d time.Duration) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.now = w.now.Add(d)
}

// Events are the events so far, in the order in which they happened. Their ids do not sort so.
func (w *World) Events() []Event {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.events)
}

// Object is the present object with the id, in the old shape, which stripe-go v76 asks for; nil if there is none.
func (w *World) Object(id string) Object {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.objects[id] == nil {
		return nil
	}
	return clone(w.objects[id])
}

// Objects are the present objects of a kind, such as "subscription", the oldest first.
func (w *World) Objects(kind string) []Object {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var list []Object
	for _, id := range w.made {
		if o := w.objects[id]; o != nil && o["object"] == kind {
			list = append(list, clone(o))
		}
	}
	return list
}

// Put adds an object with no event to tell.
func (w *World) Put(o Object) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.add(o, "")
}

// Forget removes an object, as if it had never been.
func (w *World) Forget(id string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.objects, id)
}

// Amend changes an object with no event to tell.
func (w *World) Amend(id string, change func(Object)) {
	o := w.Object(id)
	change(o)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.objects[id] = clone(o)
}

// add makes an object. An empty event type tells nobody.
func (w *World) add(o Object, eventType string) {
	o = clone(o)
	w.objects[o.ID()] = o
	w.made = append(w.made, o.ID())
	if eventType != "" {
		w.tell(eventType, o.ID(), nil)
	}
}

// change changes an object, and tells so if the event type is not empty. An updated event says what was there before.
func (w *World) change(id, eventType string, change func(Object)) {
	before := w.objects[id]
	after := clone(before)
	change(after)
	w.objects[id] = clone(after)
	if eventType == "" {
		return
	}
	var previous Object
	if strings.HasSuffix(eventType, ".updated") {
		previous = previousAttributes(w.render(before), w.render(w.objects[id]))
	}
	w.tell(eventType, id, previous)
}

// tell makes an event of an object's present state.
func (w *World) tell(eventType, id string, previous Object) {
	w.events = append(w.events, Event{
		ID: w.eventID(), Type: eventType, Created: w.now, Shape: w.shape, Object: w.render(w.objects[id]), Previous: previous,
		Account: w.Account,
	})
}

func (w *World) eventID() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	id := []byte(fmt.Sprintf("evt_1%014d", len(w.events)))
	for i := 5; i < 15; i++ { // the count keeps it unique
		id[i] = digits[w.random.IntN(len(digits))]
	}
	return string(id)
}

// id makes the next id of a kind.
func (w *World) id(prefix string) string {
	return fmt.Sprintf("%s_%s%sW%03d", prefix, w.Account, w.Name, len(w.made)+1)
}

// previousAttributes are the old values of what changed: of nested objects what changed in them, of lists the whole list.
func previousAttributes(before, after Object) Object {
	previous := Object{}
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for key := range keys {
		old, present := before[key], after[key]
		if reflect.DeepEqual(old, present) {
			continue
		}
		oldObject, nestedBefore := old.(map[string]any)
		presentObject, nestedAfter := present.(map[string]any)
		if nestedBefore && nestedAfter {
			previous[key] = map[string]any(previousAttributes(oldObject, presentObject))
		} else {
			previous[key] = old
		}
	}
	return previous
}

// clone copies an object; what is nested in it becomes plain JSON values.
func clone(o Object) Object {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("an object that is no JSON: %v", err))
	}
	var copied Object
	if err := json.Unmarshal(text, &copied); err != nil {
		panic(fmt.Sprintf("an object that is no JSON: %v", err))
	}
	return copied
}

// render is a copy of the object in the world's shape.
func (w *World) render(o Object) Object {
	o = clone(o)
	if w.shape == Old {
		return o
	}
	switch o["object"] {
	case "subscription":
		item := firstItem(o)
		for _, key := range []string{"current_period_start", "current_period_end"} {
			item[key] = o[key]
			delete(o, key)
		}
	case "invoice":
		if id := o["subscription"]; id != nil {
			o["parent"] = map[string]any{
				"type": "subscription_details", "subscription_details": map[string]any{"subscription": id, "metadata": map[string]any{}},
			}
			for _, line := range o["lines"].(map[string]any)["data"].([]any) {
				line := line.(map[string]any)
				line["parent"] = map[string]any{
					"type": "subscription_item_details", "subscription_item_details": map[string]any{"subscription": id},
				}
				delete(line, "type")
			}
		}
		delete(o, "subscription")
		delete(o, "paid")
	case "charge", "payment_intent":
		delete(o, "invoice")
	}
	return o
}

// firstItem is a subscription's first item.
func firstItem(o Object) map[string]any {
	return o["items"].(map[string]any)["data"].([]any)[0].(map[string]any)
}
