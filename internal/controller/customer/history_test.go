package customer

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// endedOf is what is known of a customer's ended events: whether there may be some, or are some.
type endedOf string

const (
	hasEnded     endedOf = "has"
	mayHaveEnded endedOf = "may have"
	hasNoEnded   endedOf = "has none"
)

func (e endedOf) MayHave(string, string) bool { return e != hasNoEnded }
func (e endedOf) Has(string, string) bool     { return e == hasEnded }
func (e endedOf) NoteEnding(string, string)   {}

// lists counts the lists, and lists the one event about cus_A.
type lists struct {
	client.Reader
	n int
}

func (l *lists) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if l.n++; l.n > 1 {
		return nil
	}
	list.(*v1alpha1.BillingEventList).Items = []v1alpha1.BillingEvent{{
		Spec: v1alpha1.BillingEventSpec{EventID: "evt_A", CustomerID: "cus_A"}, Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeApplied},
	}}
	return nil
}

// Events are searched for only where a status may be lost: of a customer without a status that is not new.
func TestASearchForRecordedEvents(t *testing.T) {
	now := time.Now()
	pending := func(eventType string, age time.Duration) *pendingEvent {
		e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{Type: eventType, Created: metav1.NewTime(now.Add(-age))}}
		e.CreationTimestamp = metav1.NewTime(now)
		return &pendingEvent{BillingEvent: e}
	}
	known := []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	for name, tc := range map[string]struct {
		conditions []metav1.Condition
		ended      endedOf
		pending    *pendingEvent
		gone       bool // whether events are gone before an hour ago
		lists      int
		recorded   int
		goneBefore bool
	}{
		"with a status":                                  {known, mayHaveEnded, pending("invoice.paid", 0), false, 0, 0, false},
		"without one, and it may have events":            {nil, mayHaveEnded, pending("invoice.paid", 0), false, 2, 1, false},
		"without one, and it has no events":              {nil, hasNoEnded, pending("invoice.paid", 0), false, 0, 0, false},
		"it has no events, and old ones are gone":        {nil, hasNoEnded, pending("invoice.paid", 2*time.Hour), true, 0, 0, true},
		"it has no events from before those":             {nil, hasNoEnded, pending("invoice.paid", 0), true, 0, 0, false},
		"it signs up":                                    {nil, mayHaveEnded, pending("customer.created", time.Minute), true, 0, 0, false},
		"it signs up, and has ended events":              {nil, hasEnded, pending("customer.created", time.Minute), false, 2, 1, false},
		"customer.created is old":                        {nil, mayHaveEnded, pending("customer.created", 2*time.Hour), false, 2, 1, false},
		"it may have events, and old ones are gone":      {nil, mayHaveEnded, pending("invoice.paid", 0), true, 2, 1, true},
		"customer.created is old, and old ones are gone": {nil, hasNoEnded, pending("customer.created", 2*time.Hour), true, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			reader := &lists{}
			r := &Reconciler{Reader: reader, Clock: testclock.NewFakePassiveClock(now), Ended: tc.ended, GoneBefore: func(context.Context) (time.Time, error) {
				if tc.gone {
					return now.Add(-time.Hour), nil
				}
				return time.Time{}, nil
			}}
			c := &reconciliation{customer: &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}, pending: []*pendingEvent{tc.pending}}
			c.customer.Status.Conditions = tc.conditions
			if err := r.loadRecorded(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if reader.n != tc.lists || len(c.recorded) != tc.recorded || (c.goneBefore != nil) != tc.goneBefore {
				t.Errorf("%d lists found %d events, and events are gone before %v; want %d, %d, %v",
					reader.n, len(c.recorded), c.goneBefore, tc.lists, tc.recorded, tc.goneBefore)
			}
		})
	}
}
