package controller

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	interval = 24 * time.Hour
	delay    = 5 * time.Second
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// asked is a customer cus_A with the subscription sub_A.
func asked() (*v1alpha1.Customer, map[string]*v1alpha1.Subscription) {
	return &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Name: "cus-a"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}},
		map[string]*v1alpha1.Subscription{"sub_A": {Spec: v1alpha1.SubscriptionSpec{SubscriptionID: "sub_A"}}}
}

func annotate(o metav1.Object, value string) {
	o.SetAnnotations(map[string]string{v1alpha1.AnnotationResync: value})
}

func inDoubt(eventID string) map[string]v1alpha1.Position {
	return map[string]v1alpha1.Position{"state": {EventID: eventID, Doubt: v1alpha1.DoubtTie}}
}

// What there is reason to ask Stripe about, so long after the customer was first looked at.
func TestQuestion(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*v1alpha1.Customer, *v1alpha1.Subscription)
		at   time.Duration
		want question
	}{
		"nothing": {func(*v1alpha1.Customer, *v1alpha1.Subscription) {}, time.Minute, question{}},
		"an annotation on the customer": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) { annotate(c, "now") }, 0,
			question{all: true, requests: map[string]string{"cus_A": "now"}},
		},
		"an annotation that was answered": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				annotate(c, "now")
				c.Status.LastComparison = &v1alpha1.Comparison{Request: "now"}
			}, 0, question{},
		},
		"an annotation with a new value": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				annotate(c, "again")
				c.Status.LastComparison = &v1alpha1.Comparison{Request: "now"}
			}, 0, question{all: true, requests: map[string]string{"cus_A": "again"}},
		},
		"an annotation on the subscription": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { annotate(s, "now") }, 0,
			question{objects: []string{"sub_A"}, requests: map[string]string{"sub_A": "now"}},
		},
		"a doubt that an event on its way may clear": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { s.Status.Positions = inDoubt("evt_1") }, delay - 1, question{},
		},
		"a doubt": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { s.Status.Positions = inDoubt("evt_1") }, delay,
			question{objects: []string{"sub_A"}},
		},
		"a doubt that somebody asks about": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) {
				annotate(s, "now")
				s.Status.Positions = inDoubt("evt_1")
			}, delay, question{objects: []string{"sub_A"}, requests: map[string]string{"sub_A": "now"}},
		},
		"the sweep": {func(*v1alpha1.Customer, *v1alpha1.Subscription) {}, interval, question{all: true}},
	} {
		t.Run(name, func(t *testing.T) {
			customer, subscriptions := asked()
			tc.set(customer, subscriptions["sub_A"])
			var known inquiries
			known.update(customer, subscriptions, noon, interval)
			got := known.question(customer, subscriptions, noon.Add(tc.at), delay)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(question{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("question (-want +got):\n%s", diff)
			}
		})
	}
}

// A doubt is asked about once, until an event comes to it.
func TestADoubtIsAskedAboutOnce(t *testing.T) {
	customer, subscriptions := asked()
	var known inquiries
	objects := func(now time.Time) []string {
		known.update(customer, subscriptions, now, 0)
		q := known.question(customer, subscriptions, now, delay)
		known.answered(q, now)
		return q.objects
	}
	for _, step := range []struct {
		after time.Duration
		event string
		want  []string
	}{
		{0, "evt_1", nil},
		{delay, "evt_1", []string{"sub_A"}},
		{time.Hour, "evt_1", nil},
		{2 * time.Hour, "evt_2", nil},
		{2*time.Hour + delay, "evt_2", []string{"sub_A"}},
	} {
		subscriptions["sub_A"].Status.Positions = inDoubt(step.event)
		if diff := cmp.Diff(step.want, objects(noon.Add(step.after)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.after, diff)
		}
	}
	subscriptions["sub_A"].Status.Positions = inDoubt("evt_3")
	known.update(customer, subscriptions, noon.Add(3*time.Hour), 0)
	known.postpone(noon.Add(3*time.Hour + delay))
	if got := objects(noon.Add(3*time.Hour + delay)); len(got) > 0 {
		t.Errorf("a doubt that was postponed is asked about: %v", got)
	}
	if got := objects(noon.Add(3*time.Hour + 2*delay)); len(got) != 1 {
		t.Errorf("a doubt that was postponed is not asked about later: %v", got)
	}
	if next := known.next(delay); next != nil {
		t.Errorf("with the sweep off and no doubt to ask about, it looks again at %s", next)
	}
}

// The sweep comes by once an interval, and a comparison that was asked for stands in for it.
func TestTheSweepComesByOnce(t *testing.T) {
	customer, subscriptions := asked()
	var known inquiries
	sweeps := 0
	for now := noon; now.Before(noon.Add(10 * interval)); now = now.Add(time.Hour) {
		known.update(customer, subscriptions, now, interval)
		if q := known.question(customer, subscriptions, now, delay); q.all {
			sweeps++
			known.answered(q, now)
		}
		if next := known.next(delay); next == nil || !next.After(now) || next.After(now.Add(interval)) {
			t.Fatalf("at %s it looks again at %v, want within an interval", now, next)
		}
	}
	if sweeps != 10 {
		t.Errorf("it came by %d times in ten intervals", sweeps)
	}
}

// The sweep comes to every customer once an interval, and to all of them spread over it.
func TestTurn(t *testing.T) {
	const customers = 1000
	quarters := map[int]int{}
	for i := range customers {
		name := fmt.Sprintf("cus-%d", i)
		first := turn(name, noon, interval)
		if !first.After(noon) || first.After(noon.Add(interval)) {
			t.Fatalf("%s: the first turn is at %s, not within an interval", name, first)
		}
		if second := turn(name, first, interval); second.Sub(first) != interval {
			t.Fatalf("%s: the second turn comes %s after the first", name, second.Sub(first))
		}
		quarters[int(first.Sub(noon)/(interval/4))]++
	}
	for quarter, n := range quarters {
		if n < customers/8 || n > customers/2 {
			t.Errorf("%d of %d turns are in quarter %d of the interval", n, customers, quarter)
		}
	}
}
