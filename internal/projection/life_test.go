package projection_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// permutationsPerLife is how many orders each life is delivered in.
const permutationsPerLife = 20

var permutationsWanted = flag.Int("order.permutations", 10_000, "how many orders of events TestOrder tries")

var decoder = events.Decoder{MetadataPrefix: "tollkeeper_"}

// Lives that make sense, with the events that Stripe would send. Whatever the order, the batches, the duplicates and
// the restarts, the statuses end byte-equal, and equal to Stripe's state.
func TestOrder(t *testing.T) {
	for name, value := range map[string]string{
		"rapid.checks":     strconv.Itoa(max(1, *permutationsWanted/permutationsPerLife)),
		"rapid.nofailfile": "true",
	} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	lives, orders, doubts := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		world := live(t)
		recorded := recorded(t, world)
		lost := lose(t, &recorded)
		lost = loseEnds(t, &recorded) || lost
		want := &projection.Aggregate{}
		foldRecalling(want, recorded, recorded)
		lives++
		checkDeleted(t, world, recorded, want)
		if lost {
			checkRepair(t, world, want)
		} else {
			doubts += checkFinal(t, world, want)
		}
		wantJSON := asJSON(t, want)
		for range permutationsPerLife {
			order := rapid.Permutation(recorded).Draw(t, "order")
			got := deliver(t, order, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "cuts"), 0)))
			orders++
			if gotJSON := asJSON(t, got); gotJSON != wantJSON {
				t.Fatalf("in the order\n%sthe statuses differ (-as it happened +in this order):\n%s", listing(order), cmp.Diff(want, got))
			}
		}
	})
	t.Logf("%d lives in %d orders; %d objects in doubt", lives, orders, doubts)
}

// step is something that happens in a life, and how long after the step before it.
type step struct {
	After time.Duration
	Op    Op
}

func (s step) String() string { return fmt.Sprintf("+%s %s", s.After, s.Op) }

// often are the ops to draw from. Those that undo others are the hardest to put in order, so they are drawn more often.
var often = slices.Concat(Ops(), slices.Repeat([]Op{
	ChangeQuantity, RevertQuantity, ScheduleCancel, UndoCancel, ChangeEmail, RevertEmail, SetCancelAt, UnsetCancelAt,
	ChangeProduct, RevertProduct, PlanChange, ChangePlanned, RevertPlanned, GrantFeature, RevokeFeature,
}, 3))

// live draws a life: a sign-up, and ops that may follow. Most of them happen within a second or two.
func live(t *rapid.T) *World {
	world := NewWorld(begin, rapid.SampledFrom([]Shape{Old, New}).Draw(t, "shape"), rapid.Uint64().Draw(t, "ids"))
	world.Do(rapid.SampledFrom([]Op{SignUp, SignUpWithTrial, SignUpUnpaid}).Draw(t, "begins with"))
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			After: rapid.SampledFrom([]time.Duration{0, 0, 0, 0, time.Second, time.Second, time.Hour, 30 * 24 * time.Hour}).Draw(t, "after"),
			Op:    rapid.SampledFrom(often).Draw(t, "op"),
		}
	}), 0, 30).Draw(t, "life")
	for _, s := range steps {
		world.Advance(s.After)
		world.Do(s.Op)
	}
	return world
}

// recorded decodes the world's events. Disputes are linked, as the reconciler does.
func recorded(t *rapid.T, world *World) []projection.Change {
	var changes []projection.Change
	for _, e := range world.Events() {
		decoded, err := decoder.Decode(e.JSON())
		if err != nil || decoded.DecodeError != "" {
			t.Fatalf("%s %s: %v %s", e.Type, e.ID, err, decoded.DecodeError)
		}
		if decoded.CustomerID == "" {
			decoded.CustomerID = customer
		}
		changes = append(changes, events.Change(decoded))
	}
	return changes
}

// deliver folds the events in this order, in batches, some of them twice. Between batches the process may restart, with
// the statuses that the API server has; it may have stopped before it wrote the outcomes.
func deliver(t *rapid.T, order []projection.Change, random *rand.Rand) *projection.Aggregate {
	a := &projection.Aggregate{}
	for rest := order; len(rest) > 0; {
		n := 1 + random.IntN(len(rest))
		batch := rest[:n:n]
		for _, change := range rest[:n] {
			if random.IntN(4) == 0 {
				batch = append(batch, change)
			}
		}
		foldRecalling(a, batch, order)
		if random.IntN(3) == 0 {
			foldRecalling(a, batch, order)
		}
		if random.IntN(3) == 0 {
			restarted := &projection.Aggregate{}
			if err := json.Unmarshal([]byte(asJSON(t, a)), restarted); err != nil {
				t.Fatal(err)
			}
			a = restarted
		}
		rest = rest[n:]
	}
	return a
}

// checkFinal checks that the statuses equal Stripe's state. The events may leave a doubt, which a reading clears, only
// if a part cannot remember all events of one second, or of two seconds of which the later ends where it began.
// checkFinal returns how many objects are in doubt.
func checkFinal(t *rapid.T, world *World, a *projection.Aggregate) (doubts int) {
	for _, object := range append(world.Objects("customer"), world.Objects("subscription")...) {
		now := readingOf(t, object, world.Now())
		asked := a.DeepCopy()
		if p := projection.InDoubt(a, customerOf(world))[object.ID()]; p.Doubt != "" {
			if len(p.Recent) < 8 || seconds(p) > 2 {
				t.Fatalf("%s is in doubt (%s) although all its events were folded; the life was\n%s", object.ID(), p.Doubt, listingOf(world))
			}
			doubts++
			projection.Read(asked, now)
		}
		if d := projection.Read(asked, now); differs(d) {
			t.Fatalf("%s ends with other %+v than Stripe has; the life was\n%s", object.ID(), d, listingOf(world))
		}
	}
	checkInvoices(t, world, a)
	checkPurchases(t, world, a)
	checkProduct(t, world, a)
	checkSchedules(t, world, a)
	checkMemory(t, world, a)
	checkMethods(t, world, a)
	checkDisputes(t, world, a)
	checkFeatures(t, world, a)
	for i := range a.Customer.Refunds {
		refund := &a.Customer.Refunds[i]
		charge := stripejson.RefundTotal(parsed(t, world.Object(refund.ChargeID)))
		if diff := cmp.Diff(charge, refund.RefundTotal); diff != "" && a.Customer.Positions["refund/"+refund.ChargeID].Doubt == "" {
			t.Fatalf("refunds of %s (-Stripe +shown):\n%s\nthe life was\n%s", refund.ChargeID, diff, listingOf(world))
		}
	}
	return doubts
}

// seconds counts the seconds whose events the position remembers.
func seconds(p v1alpha1.Position) int {
	n := 1
	for i := range p.Recent[1:] {
		if !p.Recent[i].Created.Equal(&p.Recent[i+1].Created) {
			n++
		}
	}
	return n
}

// lose drops a few events of some lives, as if Stripe never delivered them.
func lose(t *rapid.T, recorded *[]projection.Change) bool {
	n := min(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "lost"), len(*recorded)-1)
	for range n {
		i := rapid.IntRange(0, len(*recorded)-1).Draw(t, "loses")
		*recorded = slices.Delete(*recorded, i, i+1)
	}
	return n > 0
}

// checkRepair checks that readings repair for good what lost events have left, whatever API version each is in.
func checkRepair(t *rapid.T, world *World, a *projection.Aggregate) {
	repaired, at := a.DeepCopy(), world.Now().Add(time.Second)
	objects := append(world.Objects("customer"), world.Objects("subscription")...)
	shapes := rapid.Permutation([]Shape{Old, New}).Draw(t, "read in")
	for _, object := range objects {
		projection.Read(repaired, readingOf(t, Render(object, shapes[0]), at))
	}
	projection.Read(repaired, featuresReading(t, world, at))
	for _, object := range objects {
		for _, shape := range shapes {
			if d := projection.Read(repaired, readingOf(t, Render(object, shape), at)); differs(d) {
				t.Fatalf("%s still differs in %+v from its reading in the shape %s", object.ID(), d, shape)
			}
		}
	}
	if d := projection.Read(repaired, featuresReading(t, world, at)); differs(d) {
		t.Fatalf("the features still differ in %+v from their reading", d)
	}
	if doubts := projection.InDoubt(repaired, customerOf(world)); len(doubts) > 0 {
		t.Fatalf("the readings leave doubts: %v", doubts)
	}
}

// checkInvoices checks the latest invoice of every subscription.
func checkInvoices(t *rapid.T, world *World, a *projection.Aggregate) {
	for id, s := range a.Subscriptions {
		if s.LatestInvoice == nil {
			continue
		}
		want := stripejson.Invoice(parsed(t, Render(world.Object(s.LatestInvoice.ID), world.Events()[0].Shape))).Invoice
		if diff := cmp.Diff(want, *s.LatestInvoice); diff != "" {
			t.Fatalf("the latest invoice of %s (-Stripe +shown):\n%s\nthe life was\n%s", id, diff, listingOf(world))
		}
	}
}

// checkPurchases checks that each purchase that Stripe has as paid, and not as refunded in full, grants access, and no other.
func checkPurchases(t *rapid.T, world *World, a *projection.Aggregate) {
	want := map[string]bool{}
	for _, session := range world.Objects("checkout.session") {
		terms, _ := session["metadata"].(map[string]any)
		intent, isIntent := session["payment_intent"].(string)
		if terms["tollkeeper_access"] != nil && session["payment_status"] == "paid" {
			id := session.ID()
			if isIntent {
				id = intent
			}
			want[id] = true
		}
	}
	for _, charge := range world.Objects("charge") {
		intent, _ := charge["payment_intent"].(string)
		if terms, _ := charge["metadata"].(map[string]any); terms["tollkeeper_access"] != nil {
			want[intent] = true
		}
		if charge["refunded"] == true {
			delete(want, intent)
		}
	}
	got := map[string]bool{}
	for _, period := range projection.PurchasePeriods(&a.Customer) {
		got[period.ID] = true
	}
	if diff := cmp.Diff(want, got); diff != "" && len(a.Customer.Purchases) < 20 && len(a.Customer.Refunds) < 20 {
		t.Fatalf("purchases that grant access (-Stripe +shown):\n%s\nthe life was\n%s", diff, listingOf(world))
	}
}

// checkProduct checks what the product grants, unless its events leave a doubt.
func checkProduct(t *rapid.T, world *World, a *projection.Aggregate) {
	if len(a.Customer.Products) == 0 || projection.ProductPosition(&a.Customer, Product).Doubt != "" {
		return
	}
	want := []v1alpha1.Product{{ID: Product, ProductState: stripejson.Product(parsed(t, world.Object(Product)), decoder.MetadataPrefix)}}
	if diff := cmp.Diff(want, a.Customer.Products); diff != "" {
		t.Fatalf("the product (-Stripe +shown):\n%s\nthe life was\n%s", diff, listingOf(world))
	}
}

func differs(d projection.Difference) bool { return len(d.Repaired)+len(d.Remaining) > 0 }

func customerOf(world *World) string {
	for _, c := range world.Objects("customer") {
		return c.ID()
	}
	return ""
}

func readingOf(t rapid.TB, object Object, at time.Time) *projection.Event {
	e, err := decoder.Reading("", parsed(t, object), at)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func parsed(t rapid.TB, object Object) stripejson.Object {
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	o, err := stripejson.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func asJSON(t *rapid.T, a *projection.Aggregate) string {
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// listing lists events for error messages.
func listing(changes []projection.Change) string {
	text := ""
	for _, c := range changes {
		text += fmt.Sprintf("  %s %s %s\n", c.Event.Created.Sub(begin), c.Event.EventID, c.Event.Type)
	}
	return text
}

func listingOf(world *World) string {
	text := ""
	for _, e := range world.Events() {
		text += fmt.Sprintf("  %s %s %s %v\n", e.Created.Sub(begin), e.ID, e.Type, e.Previous)
	}
	return text
}
