package controller

import (
	"context"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Whatever is held up is looked at again by itself, though nothing else of the customer changes: the time at which the clock changes the
// decision does not take the place of that.
func TestHeldEventsAreLookedAtAgain(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	r := &CustomerReconciler{Clock: testingclock.NewFakePassiveClock(now)}
	a := &account{pending: []verdict{{event: &v1alpha1.BillingEvent{}}}}
	r.hold(a.foldable(), heldFor)
	a.next = &later // as the statuses have it, which are written after that
	if err := r.writeOutcomes(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if a.next == nil || !a.next.Equal(now.Add(heldFor)) {
		t.Errorf("it is looked at again at %v, want %v", a.next, now.Add(heldFor))
	}
}

// A search that would take up the time in which its findings are to be written ends: what it has not looked at waits, and the customer is
// looked at again at once.
func TestTheSearchLeavesTimeToWrite(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := &CustomerReconciler{Clock: testingclock.NewFakePassiveClock(now)} // it may ask nobody
	a := &account{pending: []verdict{{event: &v1alpha1.BillingEvent{}}, {event: &v1alpha1.BillingEvent{}}}}
	candidates := a.foldable()
	setApart(candidates, errSetApart)
	ctx, cancel := context.WithTimeout(t.Context(), searchReserve/2)
	defer cancel()
	if err := r.admit(ctx, a, candidates); err != nil {
		t.Fatal(err)
	}
	for i, v := range a.pending {
		if !v.waits || v.failure != nil {
			t.Errorf("event %d waits: %t, failure: %v", i, v.waits, v.failure)
		}
	}
	if err := r.writeOutcomes(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if a.next == nil || !a.next.Equal(now) {
		t.Errorf("it is looked at again at %v, want at once", a.next)
	}
}
