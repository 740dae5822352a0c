package projection_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// A release that hashes states in another way, or another --metadata-prefix, puts no object in doubt: the events before it
// say nothing about those after it, and the other way round.
func TestAnUpgradePutsNobodyInDoubt(t *testing.T) {
	made := Customer(customer, "a@example.com", "Ada")
	moved := Customer(customer, "b@example.com", "Ada")
	metadata := func(projects string) Object { return Object{"metadata": Object{"tollkeeper_projects": projects}} }
	changed := func(after time.Duration, id, eventType string, object, before Object) Event {
		e := at(after, eventType, object).As(id)
		e.Previous = before
		return e
	}
	history := []Event{
		changed(0, "evt_1", "customer.created", made, nil),
		changed(0, "evt_2", "customer.subscription.created", sub("incomplete"), nil),
		changed(time.Second, "evt_3", "customer.subscription.updated", sub("active"), Object{"status": "incomplete"}),
		changed(2*time.Second, "evt_4", "customer.subscription.updated", sub("past_due"), Object{"status": "active"}),
		changed(3*time.Second, "evt_5", "customer.updated", moved, Object{"email": "a@example.com"}),
		changed(4*time.Second, "evt_6", "customer.subscription.updated", sub("active"), Object{"status": "past_due"}),
		changed(5*time.Second, "evt_7", "product.updated", ProductWith("4"), metadata("3")),
		changed(6*time.Second, "evt_8", "product.updated", ProductWith("5"), metadata("4")),
	}
	for upgrade := range len(history) + 1 {
		for name, other := range map[string]func(*testing.T, Event) projection.Change{"first version": firstVersion, "other prefix": otherPrefix} {
			changes := make([]projection.Change, len(history))
			for i, e := range history {
				if changes[i] = change(t, e); i < upgrade {
					changes[i] = other(t, e)
				}
			}
			for _, backwards := range []bool{false, true} {
				a := &projection.Aggregate{}
				if backwards {
					slices.Reverse(changes)
				}
				for i := range changes {
					foldRecalling(a, changes[i:i+1], changes)
				}
				if doubts := projection.InDoubt(a, customer); len(doubts) > 0 {
					t.Errorf("%s, upgrade after %d events, backwards: %t: in doubt: %v", name, upgrade, backwards, doubts)
				}
				if doubts := projection.ProductsInDoubt(a); len(doubts) > 0 {
					t.Errorf("%s, upgrade after %d events, backwards: %t: products in doubt: %v", name, upgrade, backwards, doubts)
				}
				if got := a.Subscriptions["sub_A"].Status; got != "active" {
					t.Errorf("%s, upgrade after %d events: %s, want active", name, upgrade, got)
				}
			}
		}
	}
}

// Releases that read the events of one life in turn, as during a rollout: the order of events does not matter, and no event
// seems to be missing.
func TestOrderOfMixedVersions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := live(t)
		changes := recorded(t, world)
		for i := range changes {
			if rapid.Bool().Draw(t, "first version") {
				changes[i] = asFirstVersion(changes[i])
			}
		}
		want := &projection.Aggregate{}
		foldRecalling(want, changes, changes)
		for part, p := range partsOf(want) {
			if p.Doubt == v1alpha1.DoubtGap {
				t.Fatalf("an event of %s seems to be missing; the life was\n%s", part, listingOf(world))
			}
		}
		wantJSON := asJSON(t, want)
		for range 5 {
			order := rapid.Permutation(changes).Draw(t, "order")
			got := deliver(t, order, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "cuts"), 0)))
			if gotJSON := asJSON(t, got); gotJSON != wantJSON {
				t.Fatalf("in the order\n%sthe statuses differ (-as it happened +in this order):\n%s", listing(order), cmp.Diff(want, got))
			}
		}
	})
}

func partsOf(a *projection.Aggregate) map[string]v1alpha1.Position {
	parts := maps.Clone(a.Customer.Positions)
	for id, s := range a.Subscriptions {
		for part, p := range s.Positions {
			parts[id+" "+part] = p
		}
	}
	return parts
}

// firstVersion decodes an event as the releases did whose hashes have no version.
func firstVersion(t *testing.T, e Event) projection.Change { return asFirstVersion(change(t, e)) }

func asFirstVersion(c projection.Change) projection.Change {
	decoded := *c.Event.DeepCopy()
	for _, trace := range tracesOf(&decoded) {
		for _, hash := range []*string{&trace.StateBefore, &trace.StateAfter} {
			if _, state, found := strings.Cut(*hash, v1alpha1.StateVersionEnd); found {
				*hash = state
			}
		}
	}
	return events.Change(&decoded)
}

func tracesOf(e *projection.Event) []*v1alpha1.Trace {
	var traces []*v1alpha1.Trace
	if e.Subscription != nil {
		traces = append(traces, &e.Subscription.Trace)
	}
	if e.Customer != nil {
		traces = append(traces, &e.Customer.Trace)
	}
	if e.Invoice != nil {
		traces = append(traces, &e.Invoice.Trace)
	}
	if e.Refund != nil {
		traces = append(traces, &e.Refund.Trace)
	}
	if e.Product != nil {
		traces = append(traces, &e.Product.Trace)
	}
	return traces
}

func otherPrefix(t *testing.T, e Event) projection.Change {
	t.Helper()
	decoded, err := events.Decoder{MetadataPrefix: "other_"}.Decode(e.JSON())
	if err != nil {
		t.Fatal(err)
	}
	return events.Change(decoded)
}
