package controller

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// question is what Stripe is asked about one customer.
type question struct {
	all      bool              // about the customer, its subscriptions and its open disputes
	objects  []string          // else about these: Stripe ids
	requests map[string]string // the values of the annotations that this answers, by Stripe id
}

func (q question) any() bool { return q.all || len(q.objects) > 0 }

// inquiries are what is remembered of one customer between two looks at it. They go with the process: then a doubt is asked
// about once more, and the sweep comes at the customer's next turn.
type inquiries struct {
	sweep    time.Time // when the sweep comes by; zero if it is off
	interval time.Duration
	name     string
	doubts   map[string]*inquiry // by Stripe id
}

// inquiry is a doubt about one object, which is asked about once.
type inquiry struct {
	position v1alpha1.Position
	since    time.Time
	asked    bool
}

// update takes notice of the doubts that there are now.
func (n *inquiries) update(customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription, now time.Time, interval time.Duration) {
	if n.sweep.IsZero() && interval > 0 {
		n.name, n.interval = customer.Name, interval
		n.sweep = turn(n.name, now, interval)
	}
	aggregate := projection.Aggregate{Customer: customer.Status, Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
	for id, s := range subscriptions {
		aggregate.Subscriptions[id] = &s.Status
	}
	doubts := projection.InDoubt(&aggregate, customer.Spec.CustomerID)
	maps.DeleteFunc(n.doubts, func(id string, _ *inquiry) bool { _, still := doubts[id]; return !still })
	for id, p := range doubts {
		if known := n.doubts[id]; known != nil && same(known.position, p) {
			continue
		}
		if n.doubts == nil {
			n.doubts = map[string]*inquiry{}
		}
		n.doubts[id] = &inquiry{position: p, since: now}
	}
}

// postpone lets the doubts wait anew.
func (n *inquiries) postpone(now time.Time) {
	for _, doubt := range n.doubts {
		doubt.since = now
	}
}

// same says whether two doubts are one: no event has come to either.
func same(a, b v1alpha1.Position) bool {
	return equality.Semantic.DeepEqual(a, b)
}

// question is what there is reason to ask about now.
func (n *inquiries) question(customer *v1alpha1.Customer, subscriptions map[string]*v1alpha1.Subscription, now time.Time, delay time.Duration) question {
	q := question{requests: map[string]string{}}
	if value := request(customer.Annotations, customer.Status.LastComparison); value != "" {
		q.all, q.requests[customer.Spec.CustomerID] = true, value
	}
	if !n.sweep.IsZero() && !now.Before(n.sweep) {
		q.all = true
	}
	for id, s := range subscriptions {
		if value := request(s.Annotations, s.Status.LastComparison); value != "" {
			q.objects, q.requests[id] = append(q.objects, id), value
		}
	}
	for id, doubt := range n.doubts {
		if !doubt.asked && !now.Before(doubt.since.Add(delay)) && q.requests[id] == "" {
			q.objects = append(q.objects, id)
		}
	}
	slices.Sort(q.objects)
	return q
}

// request is the value of an annotation that has not been answered yet.
func request(annotations map[string]string, last *v1alpha1.Comparison) string {
	answered := ""
	if last != nil {
		answered = last.Request
	}
	return unanswered(annotations[v1alpha1.AnnotationResync], answered)
}

// answered takes notice that Stripe has answered.
func (n *inquiries) answered(q question, now time.Time) {
	for id, doubt := range n.doubts {
		doubt.asked = doubt.asked || q.all || slices.Contains(q.objects, id)
	}
	if q.all && n.interval > 0 {
		n.sweep = turn(n.name, now, n.interval)
	}
}

// next is when there will be a reason to ask; nil if only a change gives one.
func (n *inquiries) next(delay time.Duration) *time.Time {
	var next *time.Time
	if !n.sweep.IsZero() {
		next = &n.sweep
	}
	for _, doubt := range n.doubts {
		if due := doubt.since.Add(delay); !doubt.asked && (next == nil || due.Before(*next)) {
			next = &due
		}
	}
	return next
}

// turn is the customer's next turn in the sweep after the time. The customers are spread over the interval by their names.
func turn(name string, after time.Time, interval time.Duration) time.Time {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))
	next := after.Truncate(interval).Add(time.Duration(hash.Sum64() % uint64(interval)))
	if !next.After(after) {
		next = next.Add(interval)
	}
	return next
}
