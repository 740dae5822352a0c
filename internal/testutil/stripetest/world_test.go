package stripetest_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the subject
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// randomWorld returns a world after a hundred random operations within about fifty seconds.
func randomWorld(shape Shape, seed uint64) *World {
	world, random, ops := NewWorld(begin, shape, seed), rand.New(rand.NewPCG(seed, 1)), Ops()
	world.Do(ops[random.IntN(3)])
	for range 100 {
		world.Advance(time.Duration(random.IntN(2)) * time.Second)
		world.Do(ops[random.IntN(len(ops))])
	}
	return world
}

// The events of a world are complete: previous_attributes of an event restore the object of the event before.
func TestEventsFollowOnEachOther(t *testing.T) {
	for seed := range uint64(20) {
		for _, shape := range []Shape{Old, New} {
			world := randomWorld(shape, seed)
			reported, ids := map[string]Object{}, map[string]bool{}
			for _, e := range world.Events() {
				if ids[e.ID] {
					t.Fatalf("seed %d: two events have the id %s", seed, e.ID)
				}
				ids[e.ID] = true
				id := e.Object.ID()
				// No event reports that a payment intent is attached to its invoice.
				if before := reported[id]; before != nil && e.Previous != nil && e.Object["object"] != "invoice" {
					if diff := cmp.Diff(before, applyPrevious(e.Object, e.Previous)); diff != "" {
						t.Fatalf("seed %d: %s %s does not continue the event before (-reported +previous):\n%s", seed, e.Type, id, diff)
					}
				}
				reported[id] = e.Object
			}
			if shape == New {
				continue
			}
			delete(reported, "") // a summary of features has no id, and its events hold the first ones only
			for id, last := range reported {
				if diff := cmp.Diff(last, world.Object(id)); diff != "" && last["object"] != "invoice" && world.Object(id)["deleted"] != true {
					t.Fatalf("seed %d: %s has changed since its last event (-reported +current):\n%s", seed, id, diff)
				}
			}
		}
	}
}

// applyPrevious returns the object with its fields as before the event.
func applyPrevious(o, previous Object) Object {
	merged := maps.Clone(o)
	for key, value := range previous {
		current, currentIsObject := merged[key].(map[string]any)
		old, oldIsObject := value.(map[string]any)
		if currentIsObject && oldIsObject {
			merged[key] = map[string]any(applyPrevious(current, old))
		} else {
			merged[key] = value
		}
	}
	return merged
}

// Random worlds produce events of every type that is folded, and all events can be decoded.
func TestEveryHandledTypeHappens(t *testing.T) {
	happened := map[string]bool{"setup_intent.failed": true} // another name of setup_intent.setup_failed
	for seed := range uint64(80) {
		for _, e := range randomWorld(New, seed).Events() {
			happened[e.Type] = true
			decoded, err := events.Decoder{}.Decode(e.JSON())
			if err != nil || decoded.DecodeError != "" {
				t.Fatalf("%s: %v %s", e.Type, err, decoded.DecodeError)
			}
		}
	}
	for _, kind := range events.All() {
		if !happened[kind.Name] && kind.RecordedOnly == "" {
			t.Errorf("no world has an event of type %s", kind.Name)
		}
	}
}

// An operation that does not apply changes nothing, and none changes an ended subscription.
func TestAnEndedSubscriptionNeverChanges(t *testing.T) {
	world := NewWorld(begin, Old, 1)
	for _, op := range Ops() {
		if op != SignUp && op != SignUpWithTrial && op != SignUpUnpaid && world.Do(op) {
			t.Errorf("%q applies to an empty account", op)
		}
	}
	world.Do(SignUp)
	world.Do(Cancel)
	ended := world.Objects("subscription")[0]
	for _, op := range Ops() {
		if op != SubscribeAgain {
			world.Do(op)
		}
	}
	if diff := cmp.Diff(ended, world.Objects("subscription")[0]); diff != "" {
		t.Errorf("the ended subscription (-before +after):\n%s", diff)
	}
}

// The events of one world decode to the same in both shapes. Only the new shape has events about payments of invoices.
func TestBothShapesDecodeToTheSame(t *testing.T) {
	old, recent := randomWorld(Old, 3).Events(), slices.DeleteFunc(randomWorld(New, 3).Events(), func(e Event) bool {
		return e.Type == "invoice_payment.paid"
	})
	for i := range old {
		if old[i].Object["object"] != "subscription" {
			continue
		}
		if diff := cmp.Diff(subscription(t, old[i].Object), subscription(t, recent[i].Object)); diff != "" {
			t.Fatalf("%s (-old +new):\n%s", old[i].Type, diff)
		}
	}
}

func subscription(t *testing.T, o Object) any {
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := stripejson.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return stripejson.Subscription(parsed, "")
}
