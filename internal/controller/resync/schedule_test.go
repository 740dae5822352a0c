package resync

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

// known is a customer cus_A with the subscription sub_A.
func known() (*v1alpha1.Customer, map[string]*v1alpha1.Subscription) {
	customer := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Name: "cus-a"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}
	customer.Status.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteFromCreation, At: metav1.NewTime(noon)}
	subscription := &v1alpha1.Subscription{Spec: v1alpha1.SubscriptionSpec{SubscriptionID: "sub_A"}}
	subscription.Status.Status = "active"
	return customer, map[string]*v1alpha1.Subscription{"sub_A": subscription}
}

func annotate(o metav1.Object, value string) {
	o.SetAnnotations(map[string]string{v1alpha1.AnnotationResync: value})
}

func inDoubt(eventID string) map[string]v1alpha1.Position {
	return map[string]v1alpha1.Position{"state": {EventID: eventID, Doubt: v1alpha1.DoubtTie}}
}

// What is due to be read from Stripe, so long after the customer was first observed.
func TestDue(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*v1alpha1.Customer, *v1alpha1.Subscription)
		at   time.Duration
		want reading
	}{
		"nothing": {func(*v1alpha1.Customer, *v1alpha1.Subscription) {}, time.Minute, reading{}},
		"an annotation on the customer": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) { annotate(c, "now") }, 0,
			reading{whole: true, requests: map[string]string{"cus_A": "now"}},
		},
		"a checkout whose prices are not known": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				c.Status.Purchases = []v1alpha1.Purchase{{ID: "pi_1", SessionID: "cs_1", State: v1alpha1.CheckoutPaid}}
			}, delay, reading{objects: []string{"cs_1"}},
		},
		"checkouts whose prices are known, or need not be, or bought nothing": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				c.Status.Purchases = []v1alpha1.Purchase{
					{ID: "pi_1", SessionID: "cs_1", State: v1alpha1.CheckoutPaid, PricesRead: true},
					{ID: "pi_2", SessionID: "cs_2", State: v1alpha1.CheckoutPaid, Terms: []v1alpha1.PurchaseTerms{{Source: "Checkout"}}},
					{ID: "pi_3", SessionID: "cs_3", State: v1alpha1.CheckoutFailed},
				}
			}, time.Hour, reading{},
		},
		"an annotation that was answered": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				annotate(c, "now")
				c.Status.LastComparison = &v1alpha1.Comparison{Request: "now"}
			}, 0, reading{},
		},
		"an annotation with a new value": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				annotate(c, "again")
				c.Status.LastComparison = &v1alpha1.Comparison{Request: "now"}
			}, 0, reading{whole: true, requests: map[string]string{"cus_A": "again"}},
		},
		"an annotation on the subscription": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { annotate(s, "now") }, 0,
			reading{objects: []string{"sub_A"}, requests: map[string]string{"sub_A": "now"}},
		},
		"a doubt that an event may still settle": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { s.Status.Positions = inDoubt("evt_1") }, delay - 1, reading{},
		},
		"a doubt": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { s.Status.Positions = inDoubt("evt_1") }, delay,
			reading{objects: []string{"sub_A"}},
		},
		"a doubt about an annotated subscription": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) {
				annotate(s, "now")
				s.Status.Positions = inDoubt("evt_1")
			}, delay, reading{objects: []string{"sub_A"}, requests: map[string]string{"sub_A": "now"}},
		},
		"a customer of which subscriptions may exist that are not known, before the delay": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) { c.Status.Complete = nil }, delay - 1, reading{},
		},
		"a customer of which subscriptions may exist that are not known": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) { c.Status.Complete = nil }, delay, reading{whole: true},
		},
		"a subscription that is known by name only": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { s.Status.Status = "" }, delay, reading{whole: true},
		},
		"the end of a trial, before the delay": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { trialUntil(s, noon) }, delay - 1, reading{},
		},
		"the end of a trial": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { trialUntil(s, noon) }, delay, reading{objects: []string{"sub_A"}},
		},
		"the end of a trial that became active": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { trialUntil(s, noon); s.Status.Status = "active" }, delay, reading{},
		},
		"a product that is not known is read at once": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { billProduct(s) }, 0, reading{products: []string{"prod_A"}},
		},
		"a product that is not known, of a subscription that has ended": {
			func(_ *v1alpha1.Customer, s *v1alpha1.Subscription) { billProduct(s); s.Status.Status = "canceled" }, delay, reading{},
		},
		"a product whose events tie, before the delay": {
			func(c *v1alpha1.Customer, s *v1alpha1.Subscription) { billProduct(s); tieProduct(c) }, delay - 1, reading{},
		},
		"a product whose events tie": {
			func(c *v1alpha1.Customer, s *v1alpha1.Subscription) { billProduct(s); tieProduct(c) }, delay,
			reading{products: []string{"prod_A"}},
		},
		"a difference that a comparison of the customer could not settle": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				c.Status.LastComparison = &v1alpha1.Comparison{At: metav1.NewTime(noon.Add(-time.Minute)), Remaining: []string{"status"}}
			}, delay, reading{whole: true},
		},
		"a difference of a customer that is deleted": {
			func(c *v1alpha1.Customer, _ *v1alpha1.Subscription) {
				c.Status.LastComparison = &v1alpha1.Comparison{At: metav1.NewTime(noon.Add(-time.Minute)), Remaining: []string{"status"}}
				c.Status.DeletedAt = &metav1.Time{Time: noon.Add(-time.Hour)}
			}, delay, reading{objects: []string{"cus_A"}},
		},
		"the sweep": {func(*v1alpha1.Customer, *v1alpha1.Subscription) {}, interval, reading{whole: true}},
	} {
		t.Run(name, func(t *testing.T) {
			customer, subscriptions := known()
			tc.set(customer, subscriptions["sub_A"])
			s := schedule{readsProducts: true}
			s.observe(customer, subscriptions, noon, interval)
			got := s.due(customer, subscriptions, noon.Add(tc.at), delay)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(reading{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
		})
	}
}

func billProduct(s *v1alpha1.Subscription) {
	s.Status.Items = []v1alpha1.SubscriptionItem{{Product: "prod_A"}}
}

func tieProduct(c *v1alpha1.Customer) {
	c.Status.Positions = map[string]v1alpha1.Position{"product/prod_A": {EventID: "evt_1", Doubt: v1alpha1.DoubtTie}}
}

// A product that cannot be read is not asked for again and again, and is no doubt without a key.
func TestAnUnknownProductIsReadOnce(t *testing.T) {
	customer, subscriptions := known()
	billProduct(subscriptions["sub_A"])
	s := schedule{readsProducts: true}
	s.observe(customer, subscriptions, noon, 0)
	s.done(s.due(customer, subscriptions, noon, delay), noon)
	s.observe(customer, subscriptions, noon, 0)
	if got := s.due(customer, subscriptions, noon.Add(time.Hour), delay); !got.isEmpty() {
		t.Errorf("%+v is due again", got)
	}
	var withoutKey schedule
	withoutKey.observe(customer, subscriptions, noon, 0)
	if got := withoutKey.due(customer, subscriptions, noon.Add(time.Hour), delay); !got.isEmpty() {
		t.Errorf("without a key %+v is due", got)
	}
}

func trialUntil(s *v1alpha1.Subscription, end time.Time) {
	s.Status.Status, s.Status.TrialEnd = "trialing", &metav1.Time{Time: end}
}

// An import settles which subscriptions a customer has: that doubt waits for it, and no other.
func TestAnImportPostponesTheWholeCustomerOnly(t *testing.T) {
	customer, subscriptions := known()
	customer.Status.Complete = nil
	subscriptions["sub_A"].Status.Positions = inDoubt("evt_1")
	var s schedule
	s.observe(customer, subscriptions, noon, 0)
	s.postponeWhole(noon.Add(delay), delay)
	if got := s.due(customer, subscriptions, noon.Add(delay), delay); got.whole || len(got.objects) != 1 {
		t.Errorf("during the import %+v is due, want the tie alone", got)
	}
	if got := s.due(customer, subscriptions, noon.Add(2*delay), delay); !got.whole {
		t.Errorf("after the import %+v is due, want the whole customer", got)
	}
}

// While an import runs, a customer in doubt is looked at less and less often. Once it has ended, the customer is read within a minute.
func TestALongImportIsLookedAtSeldom(t *testing.T) {
	customer, subscriptions := known()
	customer.Status.Complete = nil
	var s schedule
	var looks []time.Duration
	now := noon
	for now.Sub(noon) < 4*time.Minute {
		s.observe(customer, subscriptions, now, 0)
		s.postponeWhole(now, delay)
		if got := s.due(customer, subscriptions, now, delay); got.whole {
			t.Fatalf("after %s the customer is read", now.Sub(noon))
		}
		now = *s.next(delay)
		looks = append(looks, now.Sub(noon)/time.Second)
	}
	if diff := cmp.Diff([]time.Duration{5, 10, 20, 40, 80, 140, 200, 260}, looks); diff != "" {
		t.Errorf("seconds of the looks (-want +got):\n%s", diff)
	}
	s.observe(customer, subscriptions, now, 0)
	if got := s.due(customer, subscriptions, now, delay); !got.whole {
		t.Errorf("after the import %+v is due, want the whole customer", got)
	}
}

// The end of a trial is read once, a moment after it; a trial that is extended is read again.
func TestATrialIsReadOnce(t *testing.T) {
	customer, subscriptions := known()
	var s schedule
	for _, step := range []struct {
		after, end time.Duration
		want       []string
	}{
		{0, time.Hour, nil},
		{time.Hour + delay, time.Hour, []string{"sub_A"}},
		{2 * time.Hour, time.Hour, nil},
		{3 * time.Hour, 4 * time.Hour, nil},
		{4*time.Hour + delay, 4 * time.Hour, []string{"sub_A"}},
	} {
		now := noon.Add(step.after)
		trialUntil(subscriptions["sub_A"], noon.Add(step.end))
		s.observe(customer, subscriptions, now, 0)
		if next, due := s.next(delay), noon.Add(step.end+delay); len(step.want) == 0 && now.Before(due) && (next == nil || !next.Equal(due)) {
			t.Errorf("after %s: next is %v, want %s", step.after, next, due)
		}
		r := s.due(customer, subscriptions, now, delay)
		if diff := cmp.Diff(step.want, r.objects, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.after, diff)
		}
		s.done(r, now)
	}
}

// A doubt is read once, until an event changes it.
func TestADoubtIsReadOnce(t *testing.T) {
	customer, subscriptions := known()
	var s schedule
	objects := func(now time.Time) []string {
		s.observe(customer, subscriptions, now, 0)
		q := s.due(customer, subscriptions, now, delay)
		s.done(q, now)
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
	s.observe(customer, subscriptions, noon.Add(3*time.Hour), 0)
	s.postponeDoubts(noon.Add(3*time.Hour + delay))
	if got := objects(noon.Add(3*time.Hour + delay)); len(got) > 0 {
		t.Errorf("a postponed doubt is due before its delay: %v", got)
	}
	if got := objects(noon.Add(3*time.Hour + 2*delay)); len(got) != 1 {
		t.Errorf("a postponed doubt is not due after its delay: %v", got)
	}
	if next := s.next(delay); next != nil {
		t.Errorf("with the sweep off and every doubt read, next is %s", next)
	}
}

// The sweep comes once an interval.
func TestTheSweepComesOnce(t *testing.T) {
	customer, subscriptions := known()
	var s schedule
	sweeps := 0
	for now := noon; now.Before(noon.Add(10 * interval)); now = now.Add(time.Hour) {
		s.observe(customer, subscriptions, now, interval)
		if q := s.due(customer, subscriptions, now, delay); q.whole {
			sweeps++
			s.done(q, now)
		}
		if next := s.next(delay); next == nil || !next.After(now) || next.After(now.Add(interval)) {
			t.Fatalf("at %s next is %v, want within an interval", now, next)
		}
	}
	if sweeps != 10 {
		t.Errorf("it came %d times in ten intervals", sweeps)
	}
}

// The sweep comes to every customer once an interval, and to all of them spread over it.
func TestSweepAfter(t *testing.T) {
	const customers = 1000
	quarters := map[int]int{}
	for i := range customers {
		name := fmt.Sprintf("cus-%d", i)
		first := sweepAfter(noon, name, interval)
		if !first.After(noon) || first.After(noon.Add(interval)) {
			t.Fatalf("%s: the first sweep is at %s, not within an interval", name, first)
		}
		if second := sweepAfter(first, name, interval); second.Sub(first) != interval {
			t.Fatalf("%s: the second sweep comes %s after the first", name, second.Sub(first))
		}
		quarters[int(first.Sub(noon)/(interval/4))]++
	}
	for quarter, n := range quarters {
		if n < customers/8 || n > customers/2 {
			t.Errorf("%d of %d sweeps are in quarter %d of the interval", n, customers, quarter)
		}
	}
}
