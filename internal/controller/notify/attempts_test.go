package notify

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

var ada, bob = types.NamespacedName{Name: "ada"}, types.NamespacedName{Name: "bob"}

func newAttempts() *attempts {
	return &attempts{Backoff: DefaultBackoff, failed: map[types.NamespacedName]attempt{}}
}

func (a *attempts) waits(t *testing.T, what string, customer types.NamespacedName, changedAt, now time.Time, want time.Duration) {
	t.Helper()
	if got := a.wait(customer, changedAt, now); got != want {
		t.Errorf("%s: waits %s, want %s", what, got, want)
	}
}

func TestARefusedStateIsSentAgainEverMoreSlowly(t *testing.T) {
	a, now := newAttempts(), noon
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		a.fail(ada, noon, now, true, 0)
		a.waits(t, "the refused state", ada, noon, now, want)
		a.waits(t, "a newer state", ada, noon.Add(1), now, 0)
		a.waits(t, "another customer", bob, noon, now, 0)
		now = now.Add(want)
		a.waits(t, "in time", ada, noon, now, 0)
	}
	if unavailable, refused := a.count(); unavailable != 0 || refused != 1 {
		t.Errorf("%d unavailable, %d refused, want 0 and 1", unavailable, refused)
	}
	a.succeed(ada)
	if unavailable, refused := a.count(); unavailable+refused != 0 {
		t.Errorf("%d unavailable, %d refused after a success", unavailable, refused)
	}
}

// A sink that fails for one customer only holds up no other one. One that fails for all of them is left alone.
func TestASinkThatIsAwayIsLeftAlone(t *testing.T) {
	a := newAttempts()
	for i := range 4 {
		a.fail(ada, noon, noon, false, 0)
		a.waits(t, "the customer", ada, noon, noon, time.Second<<i)
		a.waits(t, "another one", bob, noon, noon, 0)
	}
	if a.succeed(bob) {
		t.Error("the sink is back, and was not away")
	}
	a.fail(ada, noon, noon, false, 0)
	a.waits(t, "another one, after a success", bob, noon, noon, 0)
	for range 3 {
		a.fail(ada, noon, noon, false, 0)
	}
	a.fail(bob, noon, noon, false, 0)
	a.waits(t, "everyone", types.NamespacedName{Name: "eve"}, noon, noon, time.Second)
	for range 20 {
		a.fail(ada, noon, noon, false, 0)
	}
	a.waits(t, "everyone", bob, noon.Add(1), noon, time.Minute)
	a.waits(t, "the customer", ada, noon, noon, 5*time.Minute)
	if unavailable, refused := a.count(); unavailable != 2 || refused != 0 {
		t.Errorf("%d unavailable, %d refused, want 2 and 0", unavailable, refused)
	}
	if !a.succeed(bob) {
		t.Error("the sink is not back")
	}
}

func TestRetryAfterIsForEveryone(t *testing.T) {
	a := newAttempts()
	a.fail(ada, noon, noon, false, 10*time.Minute)
	a.waits(t, "the customer", ada, noon, noon, 10*time.Minute)
	a.waits(t, "another one", bob, noon, noon, 10*time.Minute)
	a.fail(bob, noon, noon, false, time.Minute)
	a.waits(t, "a shorter one changes nothing", bob, noon, noon, 10*time.Minute)
	a.forget(ada)
	if unavailable, _ := a.count(); unavailable != 1 {
		t.Errorf("%d unavailable, want 1", unavailable)
	}
}
