package projection_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/testutil/ordercases"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// Every rule of docs/order.md, with its events in every order, one at a time.
func TestRulesOfOrder(t *testing.T) {
	for _, tc := range ordercases.All() {
		t.Run(tc.Rule+"/"+tc.Want, func(t *testing.T) {
			changes, err := tc.Changes()
			if err != nil {
				t.Fatal(err)
			}
			var first *projection.Aggregate
			for order := range permutations(len(changes)) {
				a := &projection.Aggregate{}
				for _, i := range order {
					foldRecalling(a, []projection.Change{changes[i]}, changes)
				}
				if got := tc.Shows(*a); got != tc.Want {
					t.Errorf("in the order %v it shows %q, want %q", order, got, tc.Want)
				}
				if first == nil {
					first = a
				}
				if diff := cmp.Diff(first, a); diff != "" {
					t.Errorf("in the order %v the status differs (-first +this):\n%s", order, diff)
				}
			}
		})
	}
}

// As many events of one second as a part remembers leave a doubt, whichever it remembers. The next second clears it.
func TestTooManyEventsOfOneSecondLeaveADoubt(t *testing.T) {
	seats := func(n int) Object {
		o := sub("active")
		item := o["items"].(Object)["data"].([]Object)[0].With("quantity", n)
		return o.With("items", o["items"].(Object).With("data", []Object{item}))
	}
	for n := range 12 {
		var changes []projection.Change
		for i := range n + 1 {
			e := at(0, "customer.subscription.updated", seats(i+2)).As(fmt.Sprintf("evt_%02d", i*5%12))
			e.Previous = Object{"items": seats(i + 1)["items"]}
			changes = append(changes, change(t, e))
		}
		first := at(-time.Second, "customer.subscription.created", seats(1))
		a := &projection.Aggregate{}
		projection.Fold(a, append(changes, change(t, first)))
		p, doubted := projection.InDoubt(a, customer)["sub_A"]
		if wantDoubt := n+1 >= 8; doubted != wantDoubt {
			t.Errorf("%d changes in a second: in doubt: %t (%s), want %t", n+1, doubted, p.Doubt, wantDoubt)
		}
		if got := *a.Subscriptions["sub_A"].Items[0].Quantity; !doubted && got != int64(n+2) {
			t.Errorf("%d changes in a second: %d seats, want %d", n+1, got, n+2)
		}
		after := at(time.Second, "customer.subscription.updated", seats(99))
		after.Previous = Object{"items": seats(n + 2)["items"]}
		projection.Fold(a, []projection.Change{change(t, after)})
		if doubts := projection.InDoubt(a, customer); len(doubts) > 0 {
			t.Errorf("%d changes in a second: the next one leaves a doubt: %v", n+1, doubts)
		}
	}
}

// foldRecalling folds changes as the reconciler does: it folds events again that lost before and win now.
func foldRecalling(a *projection.Aggregate, changes, recorded []projection.Change) {
	before := a.DeepCopy()
	_, toRecall := projection.Fold(a, changes)
	if len(toRecall) == 0 {
		return
	}
	*a = *before
	for _, id := range toRecall {
		for _, known := range recorded {
			if known.Event.EventID == id {
				changes = append(changes, known)
			}
		}
	}
	projection.Fold(a, changes)
}

// permutations yields every order of n elements.
func permutations(n int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		var permute func(int) bool
		permute = func(k int) bool {
			if k == n {
				return yield(order)
			}
			for i := k; i < n; i++ {
				order[k], order[i] = order[i], order[k]
				if !permute(k + 1) {
					return false
				}
				order[k], order[i] = order[i], order[k]
			}
			return true
		}
		permute(0)
	}
}
