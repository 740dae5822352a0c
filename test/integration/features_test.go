package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// features waits until the customer shows these features, sorted.
func (o *operator) features(customer string, want ...string) {
	o.t.Helper()
	want = slices.Sorted(slices.Values(want))
	o.eventually("the features of "+customer, func() string {
		return cmp.Diff(want, o.customer(customer).Status.Features, cmpopts.EquateEmpty())
	})
}

// entitledWorld returns a world with a subscriber to whom this has happened, and that customer.
func entitledWorld(ops ...Op) (world *World, customer string) {
	world = NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Put(ProductWith("3"))
	for _, op := range append([]Op{SignUp}, ops...) {
		world.Do(op)
		world.Advance(time.Minute)
	}
	return world, world.Objects("customer")[0].ID()
}

func featureRequests(api *API) int { return len(api.Requests("/v1/entitlements/active_entitlements")) }

// An event with more than ten features takes none away, and the rest is read. What events miss, and what a forged one
// reports, the next comparison repairs.
func TestFeatures(t *testing.T) {
	t.Parallel()
	world, customer := entitledWorld(GrantFeature)
	api, withStripe := stripe(t, world)
	api.PageSize = 5
	o := start(t, withStripe, withoutSchedules)
	o.send(world.Events()...)
	o.features(customer, "sso")
	o.inSync(customer, "True EventsAgree")
	if got := featureRequests(api); got != 0 {
		t.Errorf("%d requests for the features of a customer without a doubt", got)
	}

	world.Do(GrantManyMore)
	all := world.FeaturesOf(customer)
	events := world.Events()
	o.send(events[len(events)-1])
	o.features(customer, all...)
	o.inSync(customer, "True EventsAgree")
	o.settled()
	if got := o.customer(customer).Status; len(all) != 13 || got.CutFeatures != nil || featureRequests(api) != 3 {
		t.Errorf("after %d requests, cut are %+v; want nothing of 13 features after 3 pages", featureRequests(api), got.CutFeatures)
	}

	world.SetFeatures(customer, "api", "sso") // the event is lost, and a forged one comes
	forged := Event{ID: "evt_forged", Type: "entitlements.active_entitlement_summary.updated", Created: time.Now().Add(time.Minute),
		Shape: New, Object: FeaturesOf(customer, "everything")}
	o.send(forged)
	o.features(customer, "everything")
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "1")
	o.features(customer, "api", "sso")
	o.inSync(customer, "True Repaired")
	if got := o.customer(customer).Status.LastComparison; got == nil || !slices.Contains(got.Differed, "features") {
		t.Errorf("the last comparison is %+v, want the features among what differed", got)
	}
}

// Without a key the rest of a cut list stays unknown, and InSync says so. A customer with features that is not entitled has
// no service.
func TestFeaturesWithoutAStripeKey(t *testing.T) {
	t.Parallel()
	world, customer := entitledWorld(GrantFeature, GrantManyMore)
	o := start(t)
	o.send(world.Events()...)
	o.features(customer, world.FeaturesOf(customer)[:10]...)
	o.inSync(customer, "Unknown FeaturesCut")
	o.entitled(customer, "True SubscriptionActive")

	world.Do(RevokeThose)
	world.Advance(time.Second)
	world.Do(Cancel)
	events := world.Events()
	o.send(events[len(events)-2:]...)
	o.features(customer, "sso")
	o.entitled(customer, "False SubscriptionEnded")
	o.inSync(customer, "True EventsAgree")
}

// With a key, the import reads the features of each subscriber; in an account without any, no request is made for a customer.
func TestFeaturesAreImported(t *testing.T) {
	t.Parallel()
	for _, uses := range []bool{true, false} {
		t.Run(fmt.Sprintf("uses %t", uses), func(t *testing.T) {
			world, _ := oldAccount(len(oldCustomers))
			if uses {
				for i := range oldCustomers {
					world.SetFeatures(fmt.Sprintf("cus_Old%05d", i), "api", "sso")
				}
			}
			api, withStripe := stripe(t, world)
			o := start(t, withStripe, withoutSchedules, func(c *config.Config) { c.Import = config.ImportSubscribers })
			o.imported(time.Minute)
			o.settled()
			want, asked := []string{"api", "sso"}, 7 // all but the ended ones, and the one that never subscribed
			if !uses {
				want, asked = nil, 0
			}
			o.features("cus_Old00000", want...)
			o.features("cus_Old00004", want...)
			o.features("cus_Old00002") // its subscription has ended
			if got := featureRequests(api); got != asked {
				t.Errorf("%d requests for the features of customers, want %d", got, asked)
			}
			for id := range 3 {
				if got := o.customer(fmt.Sprintf("cus_Old%05d", id)).Status.CutFeatures; got != nil {
					t.Errorf("customer %d: cut are %+v", id, got)
				}
			}
		})
	}
}
