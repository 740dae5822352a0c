package stripetest_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the subject
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// aLife lets a hundred things happen, most of them within a second.
func aLife(shape Shape, seed uint64) *World {
	world, random, ops := NewWorld(begin, shape, seed), rand.New(rand.NewPCG(seed, 1)), Ops()
	world.Do(ops[random.IntN(3)])
	for range 100 {
		world.Advance(time.Duration(random.IntN(2)) * time.Second)
		world.Do(ops[random.IntN(len(ops))])
	}
	return world
}

// A world tells its changes without a hole: what an event says was there before is what the one before it told.
func TestEventsFollowOnEachOther(t *testing.T) {
	for seed := range uint64(20) {
		for _, shape := range []Shape{Old, New} {
			world := aLife(shape, seed)
			told, ids := map[string]Object{}, map[string]bool{}
			for _, e := range world.Events() {
				if ids[e.ID] {
					t.Fatalf("seed %d: two events are %s", seed, e.ID)
				}
				ids[e.ID] = true
				id := e.Object.ID()
				// A payment intent is attached to its invoice, which no event tells of.
				if before := told[id]; before != nil && e.Previous != nil && e.Object["object"] != "invoice" {
					if diff := cmp.Diff(before, putBack(e.Object, e.Previous)); diff != "" {
						t.Fatalf("seed %d: %s %s follows on something else (-told +previous):\n%s", seed, e.Type, id, diff)
					}
				}
				told[id] = e.Object
			}
			if shape == New {
				continue
			}
			for id, last := range told {
				if diff := cmp.Diff(last, world.Object(id)); diff != "" && last["object"] != "invoice" {
					t.Fatalf("seed %d: %s has changed since the last event (-told +has):\n%s", seed, id, diff)
				}
			}
		}
	}
}

// putBack puts previous_attributes back into an object.
func putBack(o, previous Object) Object {
	merged := maps.Clone(o)
	for key, value := range previous {
		below, nested := merged[key].(map[string]any)
		above, whole := value.(map[string]any)
		if nested && whole {
			merged[key] = map[string]any(putBack(below, above))
		} else {
			merged[key] = value
		}
	}
	return merged
}

// Every handled type happens in some life, and what a world tells can be read.
func TestEveryHandledTypeHappens(t *testing.T) {
	happened := map[string]bool{"setup_intent.failed": true} // another name of setup_intent.setup_failed
	for seed := range uint64(20) {
		for _, e := range aLife(New, seed).Events() {
			happened[e.Type] = true
			decoded, err := events.Decoder{}.Decode(e.JSON())
			if err != nil || decoded.DecodeError != "" {
				t.Fatalf("%s: %v %s", e.Type, err, decoded.DecodeError)
			}
		}
	}
	for _, kind := range events.All() {
		if !happened[kind.Name] {
			t.Errorf("%s never happens", kind.Name)
		}
	}
}

// What an operation does not apply to, it leaves alone; an ended subscription is never touched again.
func TestAnEndedSubscriptionIsLeftAlone(t *testing.T) {
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
		t.Errorf("the ended subscription (-then +now):\n%s", diff)
	}
}

// The two shapes of one life say the same.
func TestShapesSayTheSame(t *testing.T) {
	old, recent := aLife(Old, 3).Events(), aLife(New, 3).Events()
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
