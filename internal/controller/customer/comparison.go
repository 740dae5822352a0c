package customer

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// maxDiffered is how many fields a Comparison names.
const maxDiffered = 64

// difference is a field of which Stripe had another value.
type difference struct{ kind, id, field string }

// foldReadings folds what was read from Stripe into the aggregate, notes the comparison in the statuses, and returns
// what differed.
func foldReadings(aggregate *projection.Aggregate, c *reconciliation) (differences []difference) {
	if c.batch == nil {
		return nil
	}
	customerID := c.customer.Spec.CustomerID
	doubts := projection.InDoubt(aggregate, customerID)
	for _, object := range c.batch.Objects {
		for _, field := range projection.Read(aggregate, object) {
			differences = append(differences, difference{kind: object.ObjectKind, id: object.ObjectID, field: field})
		}
	}
	if c.batch.Whole {
		projection.Listed(aggregate, metav1.NewTime(c.batch.At.UTC().Truncate(time.Second)))
	}
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
func fieldsOfCustomer(differences []difference) []string {
	var names []string
	for _, d := range differences {
		if d.kind == "subscription" || d.kind == "product" {
			names = append(names, d.id+"."+d.field)
		} else {
			names = append(names, d.field)
		}
	}
	return firstSorted(names)
}

// fieldsOfSubscription names the fields of one subscription that differed.
func fieldsOfSubscription(differences []difference, id string) []string {
	var names []string
	for _, d := range differences {
		if d.id == id {
			names = append(names, d.field)
		}
	}
	return firstSorted(names)
}

func firstSorted(names []string) []string {
	slices.Sort(names)
	return names[:min(len(names), maxDiffered)]
}

// noteComparison notes the comparison of one object in its status, if it answers a request, settles a doubt, or found
// something new. A sweep that confirms the status writes nothing.
func noteComparison(last **v1alpha1.Comparison, batch *readings.Batch, id string, differed []string, doubted bool) {
	var before v1alpha1.Comparison
	if *last != nil {
		before = **last
	}
	notFound, request := slices.Contains(batch.NotFound, id), batch.Requests[id]
	if at := metav1.NewTime(batch.At.UTC()); before.At.Equal(&at) { // the same batch is folded again, after a write that failed
		differed = firstSorted(slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(before.Differed), differed...)))))
	}
	if request == "" && len(differed) == 0 && !doubted && notFound == before.NotFound {
		return
	}
	*last = &v1alpha1.Comparison{
		At: metav1.NewTime(batch.At.UTC()), Request: cmp.Or(request, before.Request), Differed: differed, NotFound: notFound,
	}
}
