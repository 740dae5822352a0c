package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// comparison is what Stripe had of one customer when it was asked.
type comparison struct {
	at       time.Time
	readings []*projection.Event
	notFound []string          // Stripe ids
	requests map[string]string // the values of the annotations that are answered, by Stripe id
}

// Comparisons hands what the SyncReconciler read from Stripe over to the CustomerReconciler, the one writer of statuses. What is
// lost with the process is asked for again: its reason, a doubt or an annotation, is in the cluster.
type Comparisons struct {
	mutex   sync.Mutex
	waiting map[client.ObjectKey]*comparison
	wake    chan event.GenericEvent
}

// NewComparisons makes the one that both reconcilers share.
func NewComparisons() *Comparisons {
	return &Comparisons{waiting: map[client.ObjectKey]*comparison{}, wake: make(chan event.GenericEvent, 64)}
}

// put leaves a comparison for the customer's reconciler, and wakes it.
func (c *Comparisons) put(ctx context.Context, customer client.ObjectKey, result *comparison) {
	c.mutex.Lock()
	c.waiting[customer] = result
	c.mutex.Unlock()
	select {
	case c.wake <- event.GenericEvent{Object: &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: customer.Namespace, Name: customer.Name},
	}}:
	case <-ctx.Done():
	}
}

// peek is the customer's comparison that waits to be written; nil if none does.
func (c *Comparisons) peek(customer client.ObjectKey) *comparison {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.waiting[customer]
}

// done forgets the comparison once it is written, unless another one has come meanwhile.
func (c *Comparisons) done(customer client.ObjectKey, written *comparison) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiting[customer] == written {
		delete(c.waiting, customer)
	}
}

// difference is a field that showed something else than Stripe had.
type difference struct{ kind, id, field string }

// compare folds what Stripe had into the aggregate, and notes what differed. Where nothing did, and nobody asked, nothing is noted.
func (a *account) compare() {
	c := a.comparison
	if c == nil {
		return
	}
	customerID := a.customer.Spec.CustomerID
	doubts := projection.InDoubt(&a.aggregate, customerID)
	for _, e := range c.readings {
		for _, field := range projection.Read(&a.aggregate, e) {
			a.differences = append(a.differences, difference{kind: e.ObjectKind, id: e.ObjectID, field: field})
		}
	}
	_, doubted := doubts[customerID]
	c.note(&a.aggregate.Customer.LastComparison, customerID, a.differed(""), doubted)
	for id, s := range a.aggregate.Subscriptions {
		_, doubted := doubts[id]
		c.note(&s.LastComparison, id, a.differed(id), doubted)
	}
}

// differed lists the fields that differed: those of one subscription, or of all with the ids of the subscriptions before them.
func (a *account) differed(subscriptionID string) []string {
	var names []string
	for _, d := range a.differences {
		switch {
		case d.id == subscriptionID, subscriptionID == "" && d.kind != "subscription":
			names = append(names, d.field)
		case subscriptionID == "":
			names = append(names, d.id+"."+d.field)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), maxDiffered)]
}

// maxDiffered fields are named.
const maxDiffered = 64

// note remembers the comparison of one object if it has something to say.
func (c *comparison) note(last **v1alpha1.Comparison, id string, differed []string, doubted bool) {
	var before v1alpha1.Comparison
	if *last != nil {
		before = **last
	}
	notFound, request := slices.Contains(c.notFound, id), c.requests[id]
	if request == "" && len(differed) == 0 && !doubted && notFound == before.NotFound {
		return
	}
	*last = &v1alpha1.Comparison{
		At: metav1.NewTime(c.at.UTC()), Request: cmp.Or(request, before.Request), Differed: differed, NotFound: notFound,
	}
}

// report counts and logs what was repaired, once it is written.
func (a *account) report(log func(msg string, keysAndValues ...any)) {
	for _, d := range a.differences {
		metrics.Drift.WithLabelValues(d.kind, d.field).Inc()
		log("Repaired what differed from Stripe", "kind", d.kind, "id", d.id, "field", d.field)
	}
}

// inSync says whether a status is what Stripe has, as far as can be known.
func inSync(p v1alpha1.Position, last *v1alpha1.Comparison) (status metav1.ConditionStatus, reason, message string) {
	switch {
	case p.Doubt == v1alpha1.DoubtTie:
		return metav1.ConditionUnknown, v1alpha1.ReasonEventsTie, fmt.Sprintf(
			"Several events of %s tell different states and nothing says which came last; event %s is shown. Where a Stripe key is set, Stripe is asked.",
			moment(p.Created), p.EventID)
	case p.Doubt == v1alpha1.DoubtGap:
		return metav1.ConditionUnknown, v1alpha1.ReasonEventsMissing, fmt.Sprintf(
			"An event of %s follows on a state that no known event has told; event %s is shown. Where a Stripe key is set, Stripe is asked.",
			moment(p.Created), p.EventID)
	case last == nil:
		return metav1.ConditionTrue, v1alpha1.ReasonEventsAgree, "Every known event follows on another."
	case last.NotFound:
		return metav1.ConditionFalse, v1alpha1.ReasonNotInStripe, fmt.Sprintf("Stripe was asked on %s and does not know it.", moment(last.At))
	case len(last.Differed) > 0:
		return metav1.ConditionTrue, v1alpha1.ReasonRepaired, fmt.Sprintf(
			"Stripe was asked on %s and had something else; repaired: %s.", moment(last.At), listed(last.Differed))
	default:
		return metav1.ConditionTrue, v1alpha1.ReasonCompared, fmt.Sprintf("Stripe was asked on %s and had the same.", moment(last.At))
	}
}

func moment(t metav1.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// listed names the first few.
func listed(names []string) string {
	const few = 8
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
