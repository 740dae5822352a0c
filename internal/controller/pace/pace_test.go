package pace

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

var (
	begin = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ada   = types.NamespacedName{Namespace: "billing", Name: "cus-ada"}
)

// at is a time after the begin; zero for none.
func at(d time.Duration) time.Time { return begin.Add(d) }

func newPace(delay time.Duration) (*Pace, *clocktesting.FakePassiveClock) {
	clock := clocktesting.NewFakePassiveClock(begin)
	return &Pace{Delay: delay, Clock: clock}, clock
}

func TestEventsWaitForFurtherOnes(t *testing.T) {
	type arrival struct {
		after           time.Duration
		mayDecideAccess bool
	}
	for _, tc := range []struct {
		name                    string
		arrivals                []arrival
		wantLookAt, wantWriteAt time.Time
	}{
		{name: "nothing waits"},
		{name: "one event", arrivals: []arrival{{}}, wantLookAt: at(3 * time.Second), wantWriteAt: at(3 * time.Second)},
		{
			name: "one that may decide access is looked at sooner", arrivals: []arrival{{mayDecideAccess: true}},
			wantLookAt: at(time.Second), wantWriteAt: at(3 * time.Second),
		},
		{
			name: "a further event has the first one wait longer", arrivals: []arrival{{}, {after: 2 * time.Second}},
			wantLookAt: at(5 * time.Second), wantWriteAt: at(5 * time.Second),
		},
		{
			name: "but not without end", arrivals: []arrival{{}, {after: 4 * time.Second}, {after: 8 * time.Second}},
			wantLookAt: at(9 * time.Second), wantWriteAt: at(9 * time.Second),
		},
		{
			name:       "a burst that may decide access is looked at once",
			arrivals:   []arrival{{mayDecideAccess: true}, {after: time.Second / 2}, {after: time.Second, mayDecideAccess: true}},
			wantLookAt: at(2 * time.Second), wantWriteAt: at(4 * time.Second),
		},
		{
			name:       "however long it goes on",
			arrivals:   []arrival{{mayDecideAccess: true}, {after: time.Second}, {after: 2 * time.Second}, {after: 2900 * time.Millisecond}},
			wantLookAt: at(3 * time.Second), wantWriteAt: at(5900 * time.Millisecond),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, clock := newPace(3 * time.Second)
			for _, a := range tc.arrivals {
				clock.SetTime(at(a.after))
				wait := p.Arrived(ada, a.mayDecideAccess)
				if got := clock.Now().Add(wait); !got.Equal(p.LookAt(ada)) {
					t.Errorf("an event at %s waits until %s, but is looked at %s", a.after, got, p.LookAt(ada))
				}
			}
			if diff := cmp.Diff(tc.wantLookAt, p.LookAt(ada)); diff != "" {
				t.Errorf("looked at (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantWriteAt, p.WriteAt(ada)); diff != "" {
				t.Errorf("written at (-want +got):\n%s", diff)
			}
		})
	}
}

// What was looked at, and decides nothing, waits like any other event.
func TestLookedAt(t *testing.T) {
	p, clock := newPace(3 * time.Second)
	p.Arrived(ada, true)
	clock.SetTime(at(time.Second))
	p.LookedAt(ada, clock.Now())
	if diff := cmp.Diff(at(3*time.Second), p.LookAt(ada)); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
	clock.SetTime(at(2 * time.Second))
	p.Arrived(ada, true) // a new one is looked at again
	if diff := cmp.Diff(at(3*time.Second), p.LookAt(ada)); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
}

func TestOutcomesComeLast(t *testing.T) {
	p, clock := newPace(time.Second)
	p.Arrived(ada, false)
	clock.SetTime(at(time.Second))
	due := p.Shown(ada, clock.Now(), []string{"evt_1"})
	if diff := cmp.Diff(at(3*time.Second), due); diff != "" {
		t.Errorf("settled at (-want +got):\n%s", diff)
	}
	if !p.LookAt(ada).IsZero() || !p.WriteAt(ada).IsZero() {
		t.Error("an event that is shown still waits to be shown")
	}
	for second := 2 * time.Second; second < 20*time.Second; second += time.Second { // statuses are written each second
		clock.SetTime(at(second))
		p.Arrived(ada, false)
		due = p.Shown(ada, clock.Now(), nil)
	}
	if diff := cmp.Diff(at(11*time.Second), due); diff != "" {
		t.Errorf("settled at the latest (-want +got):\n%s", diff)
	}
	p.Shown(ada, clock.Now(), []string{"evt_1"}) // it still shows
	if diff := cmp.Diff(at(time.Second), p.AppliedAt(ada, "evt_1")); diff != "" || !p.AppliedAt(ada, "evt_2").IsZero() {
		t.Errorf("evt_1 alone was applied, at (-want +got):\n%s", diff)
	}
	p.Settled(ada, clock.Now())
	if !p.AppliedAt(ada, "evt_1").IsZero() || p.Waiting() != 0 {
		t.Error("what is settled is kept")
	}
}

// An event that cannot be folded, or whose status is refused, is never shown. It is not counted among those that wait, and
// the next event waits as usual.
func TestAnEventThatIsNeverShown(t *testing.T) {
	p, clock := newPace(time.Second)
	p.Arrived(ada, true)
	clock.SetTime(at(time.Second))
	p.Settled(ada, clock.Now())
	if p.Waiting() != 0 || p.arrived != 0 {
		t.Errorf("%d customers are kept, %d of them wait", p.Waiting(), p.arrived)
	}
	clock.SetTime(at(time.Minute))
	if diff := cmp.Diff(time.Second, p.Arrived(ada, false)); diff != "" {
		t.Errorf("the next event waits (-want +got):\n%s", diff)
	}
}

// An event that arrives while a reconciliation runs is not in what that one writes.
func TestAnEventArrivesMeanwhile(t *testing.T) {
	p, clock := newPace(time.Second)
	p.Arrived(ada, false)
	start := at(time.Second)
	clock.SetTime(start.Add(time.Millisecond))
	p.Arrived(ada, false)
	p.Shown(ada, start, nil)
	p.Settled(ada, start)
	if p.WriteAt(ada).IsZero() || p.Waiting() != 1 {
		t.Error("the second event is forgotten")
	}
	p.Forget(ada)
	if p.Waiting() != 0 {
		t.Error("a customer that is gone is kept")
	}
}

func TestManyWaitingCustomersWaitLonger(t *testing.T) {
	p, _ := newPace(time.Second)
	for i := range 5 * crowd {
		key := types.NamespacedName{Name: time.Duration(i).String()}
		if wait := p.Arrived(key, false); wait != time.Second {
			t.Fatalf("the only event of customer %d waits %s", i+1, wait)
		}
		wait := p.Arrived(key, false)
		want := time.Second
		switch {
		case i+1 >= stretch*crowd:
			want = stretch * time.Second
		case i+1 > crowd:
			want = time.Second * time.Duration(i+1) / crowd
		}
		if wait != want {
			t.Fatalf("customer %d waits %s, want %s", i+1, wait, want)
		}
	}
}

// In a crowd, a customer's single event waits no longer than usual, also after others of it were shown.
func TestASingleEventWaitsTheUsualDelay(t *testing.T) {
	p, clock := newPace(time.Second)
	for i := range stretch * crowd {
		p.Arrived(types.NamespacedName{Name: time.Duration(i).String()}, false)
	}
	arrive := func(after, want time.Duration) {
		t.Helper()
		clock.SetTime(at(after))
		if wait := p.Arrived(ada, false); wait != want {
			t.Errorf("the event at %s waits %s, want %s", after, wait, want)
		}
	}
	arrive(0, time.Second)
	arrive(time.Second/2, stretch*time.Second)
	p.Shown(ada, at(time.Second/2), nil)
	arrive(10*time.Second, time.Second)
	start := at(11 * time.Second)
	clock.SetTime(at(11*time.Second + 1)) // while the first is written
	p.Arrived(ada, false)
	p.Shown(ada, start, nil)
	if diff := cmp.Diff(at(12*time.Second+1), p.WriteAt(ada)); diff != "" {
		t.Errorf("the second, which is the only one left, is written at (-want +got):\n%s", diff)
	}
	p.Arrived(ada, false)
	p.Settled(ada, start)
	if diff := cmp.Diff(at((11+stretch)*time.Second+1), p.WriteAt(ada)); diff != "" {
		t.Errorf("two that are left are written at (-want +got):\n%s", diff)
	}
}

// Without a delay everything is due at once, and nothing is kept.
func TestWithoutDelay(t *testing.T) {
	p, clock := newPace(0)
	wait, due := p.Arrived(ada, true), p.Shown(ada, clock.Now(), []string{"evt_1"})
	if wait != 0 || !due.IsZero() || !p.LookAt(ada).IsZero() || !p.WriteAt(ada).IsZero() || p.Waiting() != 0 {
		t.Errorf("waits %s, settled at %s, %d wait", wait, due, p.Waiting())
	}
}
