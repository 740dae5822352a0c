package entitlement_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	"github.com/tollkeeper/tollkeeper/internal/testutil/situations"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// shuffles is in how many random orders each life is folded, beside its own.
const shuffles = 12

// The table in docs/access.md holds: for payloads of old and new API versions, and for any order and batches of the events.
func TestSituations(t *testing.T) {
	for _, group := range situations.All() {
		for _, s := range group.Situations {
			for _, shape := range []stripetest.Shape{stripetest.Old, stripetest.New} {
				t.Run(group.Name+"/"+s.Name+"/"+string(shape), func(t *testing.T) { testSituation(t, &s, s.Play(shape)) })
			}
		}
	}
}

func testSituation(t *testing.T, s *situations.Situation, life *situations.Life) {
	policy, err := s.Policy()
	if err != nil {
		t.Fatal(err)
	}
	changes, late := changesOf(t, life.Events), changesOf(t, life.Late)
	recorded := slices.Concat(changes, late)
	for seed := range uint64(shuffles + 1) {
		random := rand.New(rand.NewPCG(seed, 0))
		var a projection.Aggregate
		foldShuffled(&a, changes, recorded, random, seed > 0)
		foldReadings(t, &a, life)
		foldShuffled(&a, late, recorded, random, seed > 0)
		got := situations.Got(entitlement.Decide(entitlement.Input{
			Spec: s.Spec, Customer: &a.Customer, Subscriptions: a.Subscriptions, HasStripe: s.HasKey,
		}, policy, situations.Begin.Add(s.Asked)))
		if diff := cmp.Diff(s.Want, got); diff != "" {
			t.Fatalf("order %d: the decision (-want +got):\n%s", seed, diff)
		}
	}
}

// foldShuffled folds the changes in batches of a random size, and in a random order; or else one by one as they happened.
func foldShuffled(a *projection.Aggregate, changes, recorded []projection.Change, random *rand.Rand, shuffled bool) {
	order := slices.Clone(changes)
	if shuffled {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for rest := order; len(rest) > 0; {
		n := 1
		if shuffled {
			n += random.IntN(len(rest))
		}
		foldRecalling(a, rest[:n], recorded)
		rest = rest[n:]
	}
}

// changesOf decodes a life's events. Those that name no customer are linked to it, as the operator links them before it
// folds them.
func changesOf(t *testing.T, happened []stripetest.Event) []projection.Change {
	t.Helper()
	var changes []projection.Change
	for _, e := range happened {
		decoded, err := events.Decoder{MetadataPrefix: "tollkeeper_"}.Decode(e.JSON())
		if err != nil || decoded.DecodeError != "" {
			t.Fatalf("decode %s: %v %s", e.Type, err, decoded.DecodeError)
		}
		if decoded.CustomerID == "" {
			decoded.CustomerID = situations.CustomerID
		}
		changes = append(changes, events.Change(decoded))
	}
	return changes
}

// foldReadings folds what was read from Stripe. It is read after the events.
func foldReadings(t *testing.T, a *projection.Aggregate, life *situations.Life) {
	t.Helper()
	for _, reading := range life.Readings {
		if reading.Object == nil {
			projection.ReadAbsent(a, reading.ID, metav1.Time{Time: reading.At})
			continue
		}
		text, err := json.Marshal(reading.Object)
		if err != nil {
			t.Fatal(err)
		}
		object, err := stripejson.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Decoder{MetadataPrefix: "tollkeeper_"}.Reading("", object, reading.At)
		if err != nil {
			t.Fatal(err)
		}
		projection.Read(a, e)
	}
	if !life.Listed.IsZero() {
		projection.Listed(a, metav1.Time{Time: life.Listed})
	}
}

// foldRecalling folds changes, and again those that won only later, as the operator does.
func foldRecalling(a *projection.Aggregate, changes, recorded []projection.Change) {
	before := a.DeepCopy()
	_, toRecall := projection.Fold(a, changes)
	if len(toRecall) == 0 {
		return
	}
	*a = *before
	again := slices.Clone(changes)
	for _, known := range recorded {
		if slices.Contains(toRecall, known.Event.EventID) {
			again = append(again, known)
		}
	}
	projection.Fold(a, again)
}

// A row is found by its group, its name and its settings.
func TestSituationsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range situations.All() {
		for _, s := range group.Situations {
			spec, err := json.Marshal(s.Spec)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s: %s %v %s %t", group.Name, s.Name, s.Flags, spec, s.HasKey)
			if seen[name] {
				t.Errorf("there are two situations %s", name)
			}
			seen[name] = true
		}
	}
}
