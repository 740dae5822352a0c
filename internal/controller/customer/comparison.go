package customer

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// maxDiffered is how many fields a Comparison names.
const maxDiffered = 64

// difference is a field of which Stripe had another value. It remains if the status shows an event that is not older than
// the reading.
type difference struct {
	kind, id, field string
	remains         bool
}

// foldReadings folds what was read from Stripe into the aggregate, notes the comparison in the statuses, and returns
// what differed.
func foldReadings(aggregate *projection.Aggregate, c *reconciliation) []difference {
	if c.batch == nil {
		return nil
	}
	customerID := c.customer.Spec.CustomerID
	doubts := projection.InDoubt(aggregate, customerID)
	differences := foldBatch(aggregate, c.batch, customerID)
	read := readIDs(c.batch)
	_, doubted := doubts[customerID]
	if read[customerID] || len(differences) > 0 {
		noteComparison(&aggregate.Customer.LastComparison, c.batch, customerID, fieldsOfCustomer(differences), doubted)
	}
	for id, s := range aggregate.Subscriptions {
		_, doubted := doubts[id]
		if read[id] {
			noteComparison(&s.LastComparison, c.batch, id, fieldsOfSubscription(differences, id), doubted)
		}
	}
	return differences
}

// foldBatch folds the objects of the batch. What Stripe does not know counts as absent only if it knows the customer:
// else the key may be that of another account or mode.
func foldBatch(aggregate *projection.Aggregate, batch *readings.Batch, customerID string) (differences []difference) {
	add := func(kind, id string, d projection.Difference) {
		for _, field := range d.Repaired {
			differences = append(differences, difference{kind: kind, id: id, field: field})
		}
		for _, field := range d.Remaining {
			differences = append(differences, difference{kind: kind, id: id, field: field, remains: true})
		}
	}
	customerIsKnown := false
	for _, object := range batch.Objects {
		customerIsKnown = customerIsKnown || object.ObjectID == customerID
		projection.Yield(aggregate, customerID, object.ObjectID, batch.Shown[object.ObjectID], object.Created)
		add(object.ObjectKind, object.ObjectID, projection.Read(aggregate, object))
	}
	for _, id := range batch.NotFound {
		if customerIsKnown {
			at := metav1.NewTime(batch.At.UTC().Truncate(time.Second))
			projection.Yield(aggregate, customerID, id, batch.Shown[id], at)
			add(kindOf(id), id, projection.ReadAbsent(aggregate, id, at))
		}
	}
	if batch.Whole && !slices.Contains(batch.NotFound, customerID) { // of a customer that Stripe does not know, it lists nothing
		projection.Listed(aggregate, metav1.NewTime(batch.At.UTC().Truncate(time.Second)))
	}
	return differences
}

// kindOf is Stripe's name of an object's kind, by the prefix of its id.
func kindOf(id string) string {
	prefix, _, _ := strings.Cut(id, "_")
	return cmp.Or(map[string]string{"sub": "subscription", "dp": "dispute", "du": "dispute", "ch": "charge", "py": "charge", "in": "invoice"}[prefix], "other")
}

// readIDs are the Stripe ids of the objects that a batch says something about. It says nothing of the others.
func readIDs(batch *readings.Batch) map[string]bool {
	ids := map[string]bool{}
	for _, object := range batch.Objects {
		ids[object.ObjectID] = true
	}
	for _, id := range batch.NotFound {
		ids[id] = true
	}
	for id := range batch.Requests {
		ids[id] = true
	}
	return ids
}

// fieldsOfCustomer names all fields that differed. Those of a subscription or product have its id in front.
func fieldsOfCustomer(differences []difference) projection.Difference {
	return fields(differences, func(d difference) string {
		if d.kind == "subscription" || d.kind == "product" {
			return d.id + "." + d.field
		}
		return d.field
	})
}

// fieldsOfSubscription names the fields of one subscription that differed.
func fieldsOfSubscription(differences []difference, id string) projection.Difference {
	return fields(differences, func(d difference) string {
		if d.id == id {
			return d.field
		}
		return ""
	})
}

func fields(differences []difference, name func(difference) string) (named projection.Difference) {
	for _, d := range differences {
		switch field := name(d); {
		case field == "":
		case d.remains:
			named.Remaining = append(named.Remaining, field)
		default:
			named.Repaired = append(named.Repaired, field)
		}
	}
	return projection.Difference{Repaired: firstSorted(named.Repaired), Remaining: firstSorted(named.Remaining)}
}

func firstSorted(names []string) []string {
	slices.Sort(names)
	return names[:min(len(names), maxDiffered)]
}

// noteComparison notes the comparison of one object in its status, if it answers a request, settles a doubt, or found
// something new. A sweep that confirms the status writes nothing.
func noteComparison(last **v1alpha1.Comparison, batch *readings.Batch, id string, d projection.Difference, doubted bool) {
	var before v1alpha1.Comparison
	if *last != nil {
		before = **last
	}
	notFound, request, repaired := slices.Contains(batch.NotFound, id), batch.Requests[id], d.Repaired
	if at := metav1.NewTime(batch.At.UTC()); before.At.Equal(&at) { // the same batch is folded again, after a write that failed
		repaired = firstSorted(slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(before.Differed), repaired...)))))
	}
	isNew := len(repaired) > 0 || notFound != before.NotFound || !slices.Equal(d.Remaining, before.Remaining)
	if request == "" && !isNew && !doubted {
		return
	}
	*last = &v1alpha1.Comparison{
		At: metav1.NewTime(batch.At.UTC()), Request: cmp.Or(request, before.Request),
		Differed: repaired, Remaining: d.Remaining, NotFound: notFound,
	}
}
