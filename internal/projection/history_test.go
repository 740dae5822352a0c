package projection_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/testutil/ordercases"
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
					t.Errorf("in the order %v it ends otherwise (-first +this):\n%s", order, diff)
				}
			}
		})
	}
}

// foldRecalling folds changes as the reconciler does: events that were folded before and win now are folded again.
func foldRecalling(a *projection.Aggregate, changes, recorded []projection.Change) {
	before := a.DeepCopy()
	_, missing := projection.Fold(a, changes)
	if len(missing) == 0 {
		return
	}
	*a = *before
	for _, id := range missing {
		for _, known := range recorded {
			if known.Event.EventID == id {
				changes = append(changes, known)
			}
		}
	}
	projection.Fold(a, changes)
}

// permutations yields every order of n things.
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
