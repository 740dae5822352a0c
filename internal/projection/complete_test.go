package projection_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// A lost status is known whole only by a creation that is not older than the events that may be gone, by a listing, or by the
// customer's deletion.
func TestALostStatusOfWhichEventsAreGone(t *testing.T) {
	known := func(source v1alpha1.CompletenessSource) *v1alpha1.Completeness {
		return &v1alpha1.Completeness{Source: source, At: metav1.NewTime(begin.Add(-time.Hour))}
	}
	created := []Event{at(0, "customer.created", Customer(customer, "ada@kite.example", "Ada"))}
	deleted := []Event{at(time.Hour, "customer.deleted", Customer(customer, "ada@kite.example", "Ada"))}
	listing := func(a *projection.Aggregate) { projection.Listed(a, metav1.NewTime(begin.Add(time.Hour))) }
	for name, tc := range map[string]struct {
		stored *v1alpha1.Completeness
		gone   time.Duration // before the beginning and this
		events []Event
		then   func(*projection.Aggregate)
		want   string
	}{
		"nothing is folded":                        {gone: time.Hour, want: "not whole, events are gone"},
		"the creation is older":                    {gone: time.Second, events: created, want: "not whole, events are gone"},
		"the creation is of that second":           {gone: 0, events: created, want: "CustomerCreated"},
		"the creation is newer":                    {gone: -time.Second, events: created, want: "CustomerCreated"},
		"a subscription is lost, and the creation": {stored: known(v1alpha1.CompleteFromCreation), gone: time.Hour, want: "not whole, events are gone"},
		"a subscription is lost of a listing":      {stored: known(v1alpha1.CompleteByListing), gone: time.Hour, want: "not whole, events are gone"},
		"a subscription is lost, after a deletion": {stored: known(v1alpha1.CompleteByDeletion), gone: time.Hour, want: "CustomerDeleted, events are gone"},
		"the customer is deleted":                  {gone: 2 * time.Hour, events: deleted, want: "CustomerDeleted, events are gone"},
		"Stripe has listed it since":               {gone: time.Hour, then: listing, want: "Listing"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &projection.Aggregate{Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
			a.Customer.Complete = tc.stored
			projection.EventsGone(a, metav1.NewTime(begin.Add(tc.gone)))
			var changes []projection.Change
			for _, e := range tc.events {
				changes = append(changes, change(t, e))
			}
			projection.Fold(a, changes)
			if tc.then != nil {
				tc.then(a)
			}
			got := "not whole"
			if a.Customer.Complete != nil {
				got = string(a.Customer.Complete.Source)
			}
			if a.Customer.EventsGoneBefore != nil {
				got += ", events are gone"
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The event of the creation may come late: the status is the same as if it had come first.
func TestALateCreationOfANewCustomer(t *testing.T) {
	gone := metav1.NewTime(begin.AddDate(0, 0, -45))
	events := []Event{
		at(0, "customer.created", Customer(customer, "ada@kite.example", "Ada")),
		at(time.Minute, "customer.subscription.created", sub("active")),
	}
	fold := func(order ...int) projection.Aggregate {
		a := projection.Aggregate{Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
		for i, n := range order {
			if i == 0 {
				projection.EventsGone(&a, gone) // the customer has no status yet
			}
			projection.Fold(&a, []projection.Change{change(t, events[n])})
		}
		return a
	}
	if diff := cmp.Diff(fold(0, 1), fold(1, 0)); diff != "" {
		t.Errorf("the late creation changes the status:\n%s", diff)
	}
	if late := fold(1); late.Customer.EventsGoneBefore == nil || late.Customer.Complete != nil {
		t.Errorf("before the creation is known: %+v", late.Customer.Complete)
	}
}
