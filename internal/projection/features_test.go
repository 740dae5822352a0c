package projection_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// featuresReading is a reading of all features that the world's customer has.
func featuresReading(t rapid.TB, world *World, at time.Time) *projection.Event {
	return readingOfFeatures(t, customerOf(world), at, world.FeaturesOf(customerOf(world))...)
}

// readingOfFeatures is a reading of features. Unlike an event it holds all of them.
func readingOfFeatures(t rapid.TB, customer string, at time.Time, keys ...string) *projection.Event {
	summary := FeaturesOf(customer)
	data := []any{}
	for _, key := range keys {
		data = append(data, FeaturesOf(customer, key)["entitlements"].(map[string]any)["data"].([]any)...)
	}
	summary["entitlements"].(map[string]any)["data"] = data
	return readingOf(t, summary, at)
}

// checkFeatures checks that the features that show are Stripe's, and that none is missing that is not in doubt. A reading
// settles each doubt.
func checkFeatures(t *rapid.T, world *World, a *projection.Aggregate) {
	if a.Customer.DeletedAt != nil {
		return
	}
	want := slices.Sorted(slices.Values(world.FeaturesOf(customerOf(world))))
	isCut := len(want) > 10
	if isCut && !projection.AreFeaturesInDoubt(&a.Customer) {
		t.Fatalf("%d features show, and no doubt; want %d; the life was\n%s", len(a.Customer.Features), len(want), listingOf(world))
	}
	if diff := cmp.Diff(want, a.Customer.Features, cmpopts.EquateEmpty()); diff != "" && !projection.AreFeaturesInDoubt(&a.Customer) {
		t.Fatalf("the features (-Stripe +shown):\n%s\nthe life was\n%s", diff, listingOf(world))
	}
	read := a.DeepCopy()
	projection.Read(read, featuresReading(t, world, world.Now()))
	if diff := cmp.Diff(want, read.Customer.Features, cmpopts.EquateEmpty()); diff != "" || projection.AreFeaturesInDoubt(&read.Customer) {
		t.Fatalf("the features after a reading (-Stripe +shown):\n%s\nthe life was\n%s", diff, listingOf(world))
	}
}

// summary is an event about features, which replaced others if before is not nil.
func summary(t *testing.T, id string, after time.Duration, before, keys []string) projection.Change {
	t.Helper()
	e := Event{ID: id, Type: "entitlements.active_entitlement_summary.updated", Created: begin.Add(after), Shape: New,
		Object: FeaturesOf("cus_A", keys...)}
	if before != nil {
		e.Previous = FeaturesBefore(before...)
	}
	decoded, err := decoder.Decode(e.JSON())
	if err != nil || decoded.DecodeError != "" {
		t.Fatalf("%v %s", err, decoded.DecodeError)
	}
	return events.Change(decoded)
}

func keys(from, to rune) (keys []string) {
	for r := from; r <= to; r++ {
		keys = append(keys, string(r))
	}
	return keys
}

// What shows after events, in every order.
func TestFeatures(t *testing.T) {
	for name, tc := range map[string]struct {
		events []projection.Change
		want   []string
		cut    *v1alpha1.CutFeatures
		doubt  bool
	}{
		"the later second": {
			events: []projection.Change{
				summary(t, "evt_9", 0, nil, keys('a', 'b')), summary(t, "evt_1", time.Second, keys('a', 'b'), keys('b', 'c')),
			},
			want: keys('b', 'c'),
		},
		"all are revoked": {
			events: []projection.Change{summary(t, "evt_9", 0, []string{}, keys('a', 'b')), summary(t, "evt_1", time.Second, keys('a', 'b'), nil)},
		},
		"a tie within a second": {
			events: []projection.Change{summary(t, "evt_9", 0, nil, keys('a', 'b')), summary(t, "evt_1", 0, nil, keys('b', 'c'))},
			want:   keys('a', 'b'), doubt: true,
		},
		"a second that former features put in order": {
			events: []projection.Change{
				summary(t, "evt_9", 0, []string{}, keys('a', 'b')), summary(t, "evt_5", 0, keys('a', 'b'), keys('a', 'c')),
				summary(t, "evt_1", 0, keys('a', 'c'), keys('a', 'b')),
			},
			want: keys('a', 'b'),
		},
		"granted and revoked within a second": {
			events: []projection.Change{summary(t, "evt_9", 0, []string{}, keys('a', 'b')), summary(t, "evt_1", 0, keys('a', 'b'), nil)},
		},
		"a lost event leaves nothing out": {
			events: []projection.Change{summary(t, "evt_9", 0, []string{}, keys('a', 'b')), summary(t, "evt_1", time.Second, keys('x', 'y'), keys('x', 'z'))},
			want:   keys('x', 'z'),
		},
		"a cut list takes nothing away": {
			events: []projection.Change{summary(t, "evt_9", 0, nil, keys('a', 'c')), summary(t, "evt_1", time.Second, keys('a', 'c'), keys('c', 'n'))},
			want:   keys('a', 'l'), cut: &v1alpha1.CutFeatures{First: keys('c', 'l'), Before: keys('a', 'c')}, doubt: true,
		},
		"a whole list after a cut one": {
			events: []projection.Change{
				summary(t, "evt_9", 0, nil, keys('a', 'c')), summary(t, "evt_5", time.Second, keys('a', 'c'), keys('c', 'n')),
				summary(t, "evt_1", 2*time.Second, keys('c', 'n'), keys('c', 'd')),
			},
			want: keys('c', 'd'),
		},
		"a cut list and a whole one of a second": {
			events: []projection.Change{summary(t, "evt_9", 0, nil, keys('a', 'c')), summary(t, "evt_1", 0, nil, keys('c', 'n'))},
			want:   keys('a', 'l'), cut: &v1alpha1.CutFeatures{First: keys('c', 'l'), Before: keys('a', 'c')}, doubt: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for order := range permutations(len(tc.events)) {
				var a projection.Aggregate
				for _, i := range order {
					foldRecalling(&a, tc.events[i:i+1], tc.events)
				}
				if diff := cmp.Diff(tc.want, a.Customer.Features, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("order %v: features (-want +got):\n%s", order, diff)
				}
				if diff := cmp.Diff(tc.cut, a.Customer.CutFeatures); diff != "" {
					t.Errorf("order %v: cut features (-want +got):\n%s", order, diff)
				}
				if _, doubted := projection.InDoubt(&a, "cus_A")[projection.FeaturesID]; doubted != tc.doubt {
					t.Errorf("order %v: in doubt is %t, want %t", order, doubted, tc.doubt)
				}
			}
		})
	}
}

// What a reading changes, and what it reports as repaired.
func TestReadingsOfFeatures(t *testing.T) {
	many := func(n int) (keys []string) {
		for i := range n {
			keys = append(keys, fmt.Sprintf("feature-%03d", i))
		}
		return keys
	}
	for name, tc := range map[string]struct {
		events []projection.Change
		after  time.Duration // of the reading
		read   []string
		want   []string
		differ projection.Difference
		doubt  bool
		writes bool
	}{
		"nothing is known, and there is nothing": {after: time.Minute},
		"a missed event": {
			after: time.Minute, read: keys('a', 'b'), want: keys('a', 'b'), differ: projection.Difference{Repaired: []string{"features"}}, writes: true,
		},
		"it confirms": {
			events: []projection.Change{summary(t, "evt_1", 0, nil, keys('a', 'b'))}, after: time.Minute, read: []string{"b", "a"}, want: keys('a', 'b'),
		},
		"a forged event": {
			events: []projection.Change{summary(t, "evt_1", 0, nil, keys('a', 'z'))}, after: time.Minute, read: keys('a', 'b'), want: keys('a', 'b'),
			differ: projection.Difference{Repaired: []string{"features"}}, writes: true,
		},
		"the rest of a cut list": {
			events: []projection.Change{summary(t, "evt_1", 0, nil, keys('a', 'n'))}, after: time.Minute, read: keys('a', 'n'), want: keys('a', 'n'), writes: true,
		},
		"a tie": {
			events: []projection.Change{summary(t, "evt_1", 0, nil, keys('a', 'b')), summary(t, "evt_2", 0, nil, keys('a', 'c'))}, after: time.Minute,
			read: keys('a', 'c'), want: keys('a', 'c'), writes: true,
		},
		"a newer event": {
			events: []projection.Change{summary(t, "evt_1", time.Hour, nil, keys('a', 'b'))}, after: time.Minute, read: keys('a', 'c'), want: keys('a', 'b'),
			differ: projection.Difference{Remaining: []string{"features"}}, writes: true, // its history knows of the reading
		},
		"a newer cut list": {
			events: []projection.Change{summary(t, "evt_1", time.Hour, nil, keys('a', 'n'))}, after: time.Minute, read: keys('x', 'z'),
			want: append(keys('a', 'j'), "x", "y", "z"), differ: projection.Difference{Remaining: []string{"features"}}, doubt: true, writes: true,
		},
		"more than can show": {after: time.Minute, read: many(250), want: many(200), differ: projection.Difference{Repaired: []string{"features"}}, doubt: true, writes: true},
	} {
		t.Run(name, func(t *testing.T) {
			var a projection.Aggregate
			foldRecalling(&a, tc.events, tc.events)
			before := a.DeepCopy()
			reading := readingOfFeatures(t, "cus_A", begin.Add(tc.after), tc.read...)
			if diff := cmp.Diff(tc.differ, projection.Read(&a, reading), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, a.Customer.Features, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("features (-want +got):\n%s", diff)
			}
			if _, doubted := projection.InDoubt(&a, "cus_A")[projection.FeaturesID]; doubted != tc.doubt {
				t.Errorf("in doubt is %t, want %t", doubted, tc.doubt)
			}
			if writes := cmp.Diff(before, &a) != ""; writes != tc.writes {
				t.Errorf("it changes the status: %t, want %t", writes, tc.writes)
			}
			again := a.DeepCopy()
			projection.Read(&a, readingOfFeatures(t, "cus_A", begin.Add(tc.after+time.Second), tc.read...))
			if diff := cmp.Diff(again, &a); diff != "" && len(tc.differ.Remaining) == 0 {
				t.Errorf("a second reading changes the status (-before +after):\n%s", diff)
			}
		})
	}
}

// A reading wins over a forged event that is dated later, if that showed when Stripe was asked: whole or cut.
func TestAForgedListOfFeaturesYields(t *testing.T) {
	for _, forged := range [][]string{keys('a', 'c'), keys('a', 'n')} {
		var a projection.Aggregate
		changes := []projection.Change{summary(t, "evt_1", 4*time.Minute, nil, forged)}
		foldRecalling(&a, changes, changes)
		reading := readingOfFeatures(t, "cus_A", begin, "sso")
		shown := projection.ShownEvents(&a, "cus_A")[projection.FeaturesID]
		projection.Yield(&a, "cus_A", projection.FeaturesID, shown, reading.Created)
		d := projection.Read(&a, reading)
		if diff := cmp.Diff([]string{"sso"}, a.Customer.Features); diff != "" || len(d.Repaired) != 1 || a.Customer.CutFeatures != nil {
			t.Errorf("%d forged features: %+v, features (-want +got):\n%s", len(forged), d, diff)
		}
	}
}

// A deletion that Stripe refutes leaves the features in doubt: they were forgotten.
func TestFeaturesAfterADeletionThatIsRefuted(t *testing.T) {
	for _, had := range [][]string{keys('a', 'b'), keys('a', 'n')} {
		deleted, err := decoder.Decode(Event{ID: "evt_2", Type: "customer.deleted", Created: begin.Add(time.Second), Shape: New,
			Object: Customer("cus_A", "ada@example.com", "Ada")}.JSON())
		if err != nil {
			t.Fatal(err)
		}
		changes := []projection.Change{summary(t, "evt_1", 0, nil, had), events.Change(deleted)}
		var a projection.Aggregate
		foldRecalling(&a, changes, changes)
		if a.Customer.Features != nil || a.Customer.CutFeatures != nil {
			t.Fatalf("a deleted customer has features: %v", a.Customer.Features)
		}
		projection.Read(&a, readingOf(t, Customer("cus_A", "ada@example.com", "Ada"), begin.Add(time.Minute)))
		if _, doubted := projection.InDoubt(&a, "cus_A")[projection.FeaturesID]; !doubted {
			t.Error("the features are in no doubt")
		}
		projection.Read(&a, readingOfFeatures(t, "cus_A", begin.Add(time.Minute), had...))
		if diff := cmp.Diff(had, a.Customer.Features); diff != "" || projection.AreFeaturesInDoubt(&a.Customer) {
			t.Errorf("features after a reading (-want +got):\n%s", diff)
		}
	}
}

// A key is kept as it is or not at all: tenant controllers compare it.
func TestAFeatureKeyIsNotCut(t *testing.T) {
	long := fmt.Sprintf("%081d", 0)
	text, err := json.Marshal(FeaturesOf("cus_A", "sso", long, "tab\tulator", "sso"))
	if err != nil {
		t.Fatal(err)
	}
	object, err := stripejson.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	got := stripejson.Features(object)
	if diff := cmp.Diff(v1alpha1.FeatureList{Keys: []string{"sso"}}, got); diff != "" || object.Err() == nil {
		t.Errorf("error is %v, features (-want +got):\n%s", object.Err(), diff)
	}
}
