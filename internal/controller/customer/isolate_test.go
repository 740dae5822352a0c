package customer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// inMemory is a reconciler that has no client: a plan needs none. Events whose id starts with evt_panic or evt_invalid
// are at fault.
func inMemory(t *testing.T) *Reconciler {
	t.Helper()
	schemas, err := crdschema.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &Reconciler{
		Clock: testingclock.NewFakePassiveClock(noon), Schemas: schemas, Readings: readings.NewMailbox(), Erased: erased.NewMailbox(),
		Ended: mayHaveEnded,
		Change: func(e *projection.Event) projection.Change {
			return projection.Change{Event: e, Effects: []projection.Effect{func(a *projection.Aggregate, e *projection.Event) bool {
				switch {
				case strings.HasPrefix(e.EventID, "evt_panic"):
					panic("a bug")
				case strings.HasPrefix(e.EventID, "evt_invalid"):
					a.Customer.Name = strings.Repeat("x", 10_000)
				default:
					a.Customer.Email = e.EventID + "@example.com"
				}
				return true
			}}}
		},
	}
}

func waiting(ids ...string) *reconciliation {
	c := &reconciliation{customer: &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: "cus-a", UID: "1", Generation: 1},
		Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_A"},
	}}
	for n, id := range ids {
		c.pending = append(c.pending, &pendingEvent{BillingEvent: &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
			EventID: id, Type: "customer.updated", CustomerID: "cus_A", Created: metav1.NewTime(noon.Add(time.Duration(n) * time.Second)),
		}}})
	}
	return c
}

// idsOf lists the events for which the condition holds.
func idsOf(events []*pendingEvent, holds func(*pendingEvent) bool) []string {
	ids := []string{}
	for _, e := range events {
		if holds(e) {
			ids = append(ids, e.Spec.EventID)
		}
	}
	return ids
}

// The events at fault are found, and no others, however many there are and wherever they stand.
func TestPlanWithoutFaults(t *testing.T) {
	many := make([]string, 100)
	for n := range many {
		many[n] = fmt.Sprintf("evt_%02d", n)
	}
	several := slices.Clone(many)
	several[0], several[50], several[51], several[99] = "evt_panic_0", "evt_invalid_50", "evt_panic_51", "evt_invalid_99"
	for name, tc := range map[string]struct{ events, want []string }{
		"one, which panics":            {[]string{"evt_panic"}, []string{"evt_panic"}},
		"one, whose status is refused": {[]string{"evt_invalid"}, []string{"evt_invalid"}},
		"the first of three":           {[]string{"evt_panic", "evt_1", "evt_2"}, []string{"evt_panic"}},
		"the last of three":            {[]string{"evt_1", "evt_2", "evt_invalid"}, []string{"evt_invalid"}},
		"all":                          {[]string{"evt_panic_1", "evt_invalid_2", "evt_panic_3"}, []string{"evt_panic_1", "evt_invalid_2", "evt_panic_3"}},
		"four of a hundred":            {several, []string{"evt_panic_0", "evt_invalid_50", "evt_panic_51", "evt_invalid_99"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, c := inMemory(t), waiting(tc.events...)
			_, err := r.plan(t.Context(), c, c.foldable())
			if !isFault(err) {
				t.Fatalf("planning all of them: %v, want a fault", err)
			}
			p, err := r.planWithoutFaults(t.Context(), c, err)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, idsOf(c.pending, func(e *pendingEvent) bool { return e.fault != nil })); diff != "" {
				t.Errorf("at fault (-want +got):\n%s", diff)
			}
			if got := len(p.events) + len(tc.want); got != len(tc.events) {
				t.Errorf("%d of %d events are planned or at fault", got, len(tc.events))
			}
		})
	}
}

// What was read from Stripe and cannot be folded is dropped. The events are not at fault, and go on.
func TestReadingsAtFaultAreDropped(t *testing.T) {
	r, c := inMemory(t), waiting("evt_1")
	key := types.NamespacedName{Namespace: "billing", Name: "cus-a"}
	profile := &projection.Event{EventID: projection.EventRead, ObjectKind: "customer", Type: "customer.read", Created: metav1.NewTime(noon),
		Customer: &v1alpha1.CustomerRecord{Name: strings.Repeat("x", 10_000)}}
	r.Readings.PutIfEmpty(t.Context(), key, &readings.Batch{At: noon, Objects: []*projection.Event{profile}})
	c.inMailbox = r.Readings.Peek(key)
	used := *c.inMailbox
	c.batch = &used // leaveOutMisassigned makes a copy
	_, err := r.plan(t.Context(), c, c.foldable())
	if !isFault(err) {
		t.Fatalf("planning with the reading: %v, want a fault", err)
	}
	p, err := r.planWithoutFaults(t.Context(), c, err)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.events) != 1 || c.pending[0].fault != nil || c.batch != nil || r.Readings.Peek(key) != nil {
		t.Errorf("%d events planned, fault %v, reading kept: %t", len(p.events), c.pending[0].fault, c.batch != nil || r.Readings.Peek(key) != nil)
	}
}

// An invalid field that a former version stored stays until something changes it. It holds up no event.
func TestAnInvalidStoredStatusHoldsUpNothing(t *testing.T) {
	r, c := inMemory(t), waiting("evt_1")
	c.customer.Status.Name = strings.Repeat("x", 10_000)
	p, err := r.plan(t.Context(), c, c.foldable())
	if err != nil {
		t.Fatal(err)
	}
	if got := p.customer.Status.Email; got != "evt_1@example.com" {
		t.Errorf("the address is %q", got)
	}
}
