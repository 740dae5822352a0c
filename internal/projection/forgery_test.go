package projection_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// Whatever events somebody forges about a customer, of any type, of any time, and in any order: one reading of the
// customer brings back what Stripe has, and the decision is that of a customer about whom nothing was forged.
func TestAReadingUndoesForgedEvents(t *testing.T) {
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 7))
		forged := forgedEvents(t, random)
		at := begin.Add(time.Hour) // the last ones are dated up to five minutes later
		truth := readings(t, random, at)

		var a, honest projection.Aggregate
		foldRecalling(&a, forged, forged)
		compare(&a, truth, at)
		compare(&honest, truth, at)

		for _, reading := range truth {
			if d := projection.Read(&a, reading); differs(d) {
				t.Fatalf("seed %d: %s still differs from Stripe: %+v", seed, reading.ObjectID, d)
			}
		}
		for id, s := range a.Subscriptions {
			if honest.Subscriptions[id] == nil && s.Status != "canceled" && s.Status != "incomplete_expired" {
				t.Fatalf("seed %d: %s, which Stripe does not know, shows as %q", seed, id, s.Status)
			}
		}
		if disputes := a.Customer.OpenDisputes; len(disputes) > 0 {
			t.Fatalf("seed %d: disputes that Stripe does not know are open: %+v", seed, disputes)
		}
		if diff := cmp.Diff(decision(&honest, at), decision(&a, at)); diff != "" {
			t.Fatalf("seed %d: the decision keeps something of the forged events (-honest +forged):\n%s", seed, diff)
		}
	}
}

// forgedEvents are recorded within an hour, and dated years before or after that, or within the difference of clocks.
func forgedEvents(t *testing.T, random *rand.Rand) []projection.Change {
	t.Helper()
	var changes []projection.Change
	life := randomLife(random)
	if random.IntN(3) == 0 {
		life = append(life, Event{ID: "evt_deleted", Type: "customer.deleted", Shape: New, Object: Customer(customer, "a@example.com", "Ada")})
	}
	for _, e := range life {
		stored := begin.Add(time.Duration(random.IntN(3600)) * time.Second)
		e.Created = begin.Add(time.Duration(random.Int64N(int64(10*365*24*time.Hour))) - 365*24*time.Hour)
		if random.IntN(3) == 0 {
			e.Created = stored.Add(time.Duration(random.IntN(600)-300) * time.Second)
		}
		decoded, err := decoder.Decode(e.JSON())
		if err != nil || decoded.DecodeError != "" {
			t.Fatal(err, decoded.DecodeError)
		}
		if decoded.CustomerID == "" {
			decoded.CustomerID = customer
		}
		recorded := &v1alpha1.BillingEvent{Spec: *decoded}
		recorded.CreationTimestamp = metav1.NewTime(stored)
		changes = append(changes, events.Change(projection.EventOf(recorded)))
	}
	return changes
}

// readings are what Stripe has: the customer, and no, one or two subscriptions in any state but past_due and paused.
// Stripe does not say since when a subscription is past due, or that it was paused for a failed payment.
func readings(t *testing.T, random *rand.Rand, at time.Time) []*projection.Event {
	t.Helper()
	objects := []Object{Customer(customer, "true@example.com", "Ada")}
	for _, id := range []string{"sub_A", "sub_B"} {
		if random.IntN(3) > 0 {
			status := []string{"incomplete", "trialing", "active", "unpaid", "canceled"}[random.IntN(5)]
			objects = append(objects, Subscription(New, id, customer, status, begin, begin.AddDate(0, 1, 0)))
		}
	}
	var all []*projection.Event
	for _, object := range objects {
		all = append(all, readingOf(t, object, at))
	}
	return all
}

// compare folds the readings, and that Stripe knows nothing else of the customer.
func compare(a *projection.Aggregate, truth []*projection.Event, at time.Time) {
	shown, known := projection.ShownEvents(a, customer), map[string]bool{}
	for _, reading := range truth {
		known[reading.ObjectID] = true
		projection.Yield(a, customer, reading.ObjectID, shown[reading.ObjectID], reading.Created)
		projection.Read(a, reading)
	}
	var absent []string
	for i := range a.Customer.Refunds {
		absent = append(absent, a.Customer.Refunds[i].ChargeID)
	}
	for id := range a.Subscriptions {
		absent = append(absent, id)
	}
	for i := range a.Customer.OpenDisputes {
		absent = append(absent, a.Customer.OpenDisputes[i].ID)
	}
	absent = append(absent, projection.DoubtfulPurchases(&a.Customer)...)
	for _, id := range absent {
		if !known[id] {
			projection.Yield(a, customer, id, shown[id], metav1.NewTime(at))
			projection.ReadAbsent(a, id, metav1.NewTime(at))
		}
	}
	projection.Listed(a, metav1.NewTime(at))
}

// decision is what a tenant controller sees.
func decision(a *projection.Aggregate, now time.Time) map[string]any {
	d := entitlement.Decide(entitlement.Input{Customer: &a.Customer, Subscriptions: a.Subscriptions, HasStripe: true},
		entitlement.Policy{GracePeriod: 7 * 24 * time.Hour, TrialLeeway: time.Hour, OnDispute: entitlement.Suspend, OnRefund: entitlement.Suspend}, now)
	return map[string]any{"entitled": d.Entitled, "unknown": d.Unknown, "until": d.Until, "entitling": d.Entitling}
}

// A reading has refuted an end. An event that is older than the reading, and comes late, does not show: the reading wins over
// it as over those that came before.
func TestALateEventDoesNotWinOverARefutation(t *testing.T) {
	noProfile := Customer(customer, "", "")
	noProfile["metadata"] = Object{}
	for name, tc := range map[string]struct {
		forged, late Event
		truth        Object
		want         string
		show         func(*projection.Aggregate) string
	}{
		"of a subscription": {
			at(time.Hour, "customer.subscription.deleted", sub("canceled")), at(time.Minute, "customer.subscription.updated", sub("past_due")),
			sub("active"), "active", func(a *projection.Aggregate) string { return a.Subscriptions["sub_A"].Status },
		},
		"of a customer without a name": {
			at(time.Hour, "customer.deleted", Customer(customer, "", "")), at(time.Minute, "customer.updated", Customer(customer, "old@example.com", "Old")),
			noProfile, "", func(a *projection.Aggregate) string { return a.Customer.Email },
		},
	} {
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{change(t, tc.forged)})
		projection.Read(&a, readingOf(t, tc.truth, begin.Add(2*time.Hour)))
		projection.Fold(&a, []projection.Change{change(t, tc.late)})
		if got := tc.show(&a); got != tc.want {
			t.Errorf("the end %s: %q shows, want %q", name, got, tc.want)
		}
		newer := tc.late
		newer.Created = begin.Add(3 * time.Hour)
		projection.Fold(&a, []projection.Change{change(t, newer)})
		if got := tc.show(&a); got == tc.want {
			t.Errorf("the end %s: %q shows, although a newer event reports another state", name, got)
		}
	}
}

// A charge that Stripe does not know has bought nothing, although its refund was forged too.
func TestAnAbsentChargeBuysNothing(t *testing.T) {
	charge := Charge(New, "ch_1", customer, "", "succeeded", begin).With("payment_intent", nil).
		With("metadata", Object{"tollkeeper_access": "lifetime"})
	var a projection.Aggregate
	for _, e := range []Event{at(0, "charge.succeeded", charge), at(time.Hour, "charge.refunded", Refunded(charge, Amount))} {
		projection.Fold(&a, []projection.Change{change(t, e)})
	}
	if len(a.Customer.Purchases) != 1 || len(a.Customer.Refunds) != 1 {
		t.Fatalf("purchases %+v, refunds %+v", a.Customer.Purchases, a.Customer.Refunds)
	}
	projection.ReadAbsent(&a, "ch_1", metav1.NewTime(begin.Add(2*time.Hour)))
	if periods := projection.PurchasePeriods(&a.Customer); len(periods) > 0 || len(a.Customer.Purchases) > 0 {
		t.Errorf("it still buys %+v, and shows %+v", periods, a.Customer.Purchases)
	}
}

// A dispute is open or lost, and an event that was forged, dated after the reading, has closed it. The reading shows it again.
// A dispute that Stripe has closed, too, stays closed.
func TestAForgedEndOfADispute(t *testing.T) {
	for status, want := range map[string]int{"needs_response": 1, "lost": 1, "won": 0} {
		dispute := Dispute("dp_1", "ch_1", "pi_1", begin, begin.AddDate(0, 0, 7))
		var a projection.Aggregate
		for _, e := range []Event{
			at(0, "charge.dispute.created", dispute), at(2*time.Hour, "charge.dispute.closed", dispute.With("status", "won")),
		} {
			c := change(t, e)
			c.Event.CustomerID = customer
			projection.Fold(&a, []projection.Change{c})
		}
		if known := projection.KnownDisputes(&a.Customer); len(known) != 1 || len(a.Customer.OpenDisputes) > 0 {
			t.Fatalf("known disputes %v, open %+v", known, a.Customer.OpenDisputes)
		}
		truth := readingOf(t, dispute.With("status", status), begin.Add(time.Hour))
		projection.Yield(&a, customer, "dp_1", projection.ShownEvents(&a, customer)["dp_1"], truth.Created)
		d := projection.Read(&a, truth)
		if got := len(a.Customer.OpenDisputes); got != want || len(d.Remaining) > 0 || (len(d.Repaired) > 0) != (want > 0) {
			t.Errorf("Stripe has it %s: %d shown, differences %+v", status, got, d)
		}
	}
}
