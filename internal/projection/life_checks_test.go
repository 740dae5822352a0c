package projection_test

import (
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// checkSchedules checks that each subscription shows its newest schedule as Stripe has it, unless the events of one second
// leave its last state in doubt.
func checkSchedules(t *rapid.T, world *World, a *projection.Aggregate) {
	newest := map[string]Object{}
	for _, schedule := range world.Objects("subscription_schedule") {
		id, attached := schedule["subscription"].(string)
		if !attached {
			id, _ = schedule["released_subscription"].(string)
		}
		old := newest[id] // of two of one second the higher id is newer
		if old == nil || old["created"].(float64) < schedule["created"].(float64) || old["created"] == schedule["created"] && old.ID() < schedule.ID() {
			newest[id] = schedule
		}
	}
	for id, s := range a.Subscriptions {
		switch {
		case newest[id] == nil && s.Schedule == nil, s.Positions["schedule"].Doubt != "":
		case newest[id] == nil || s.Schedule == nil:
			t.Fatalf("Stripe has the schedule %v of %s, shown is %+v; the life was\n%s", newest[id], id, s.Schedule, listingOf(world))
		default:
			want := stripejson.Schedule(parsed(t, newest[id]))
			if diff := cmp.Diff(want, *s.Schedule); diff != "" {
				t.Fatalf("the schedule of %s (-Stripe +shown):\n%s\nthe life was\n%s", id, diff, listingOf(world))
			}
		}
	}
}

// checkMethods checks that no payment method shows that was detached or deleted, and that every other one of the newest shows
// that its own events reported.
func checkMethods(t *rapid.T, world *World, a *projection.Aggregate) {
	if a.Customer.DeletedAt != nil {
		return
	}
	var shown []string
	for i := range a.Customer.PaymentMethods {
		shown = append(shown, a.Customer.PaymentMethods[i].ID)
	}
	objects := append(world.Objects("payment_method"), world.Objects("card")...)
	for _, object := range objects {
		isGone := object["deleted"] == true || object["customer"] == nil
		if slices.Contains(shown, object.ID()) == isGone && len(objects) <= 10 {
			t.Fatalf("%s is gone: %t, and the methods are %v; the life was\n%s", object.ID(), isGone, shown, listingOf(world))
		}
	}
}

// checkDisputes checks that the disputes show that Stripe has as open or lost.
func checkDisputes(t *rapid.T, world *World, a *projection.Aggregate) {
	var want, shown []string
	for _, dispute := range world.Objects("dispute") {
		if !projection.IsClosedDispute(dispute["status"].(string)) {
			want = append(want, dispute.ID()+" "+dispute["status"].(string))
		}
	}
	for i := range a.Customer.OpenDisputes {
		shown = append(shown, a.Customer.OpenDisputes[i].ID+" "+a.Customer.OpenDisputes[i].Status)
	}
	slices.Sort(want)
	slices.Sort(shown)
	if diff := cmp.Diff(want, shown); diff != "" && len(world.Objects("dispute")) <= 20 {
		t.Fatalf("disputes (-Stripe +shown):\n%s\nthe life was\n%s", diff, listingOf(world))
	}
}

// checkMemory checks that each part that shows has its position: else the status would be folded again and again.
func checkMemory(t *rapid.T, world *World, a *projection.Aggregate) {
	if projection.CustomerForgets(&a.Customer) {
		t.Fatalf("the customer shows a part without its position; the life was\n%s", listingOf(world))
	}
	for id, s := range a.Subscriptions {
		if projection.SubscriptionForgets(s) {
			t.Fatalf("%s shows a part without its position; the life was\n%s", id, listingOf(world))
		}
	}
}
