package integration

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// subscribers sends the sign-ups of customers to one product, and waits until they are entitled.
func (o *operator) subscribers(at time.Time, customers ...string) {
	o.t.Helper()
	for _, customer := range customers {
		sub := "sub_" + customer
		o.send(
			Event{ID: "evt_new_" + customer, Type: "customer.created", Created: at, Shape: New, Object: Customer(customer, "a@example.com", "Ada")},
			Event{ID: "evt_" + sub, Type: "customer.subscription.created", Created: at, Shape: New,
				Object: Subscription(New, sub, customer, "active", at, at.AddDate(0, 1, 0))},
		)
	}
	for _, customer := range customers {
		o.entitled(customer, "True SubscriptionActive")
	}
}

// grants waits until the customer's entitlements have the number of projects, which the product grants.
func (o *operator) grants(projects string, customers ...string) {
	o.t.Helper()
	for _, customer := range customers {
		o.eventually("the entitlements of "+customer, func() string {
			got := o.customer(customer).Status.Entitlements
			if string(got["projects"]) != projects || got["seats"] != "5" {
				return fmt.Sprintf("are %v, want %q projects, and 5 seats from the price", got, projects)
			}
			return ""
		})
	}
}

func productRequests(api *API) int { return len(api.Requests("/v1/products/")) }

func productChanged(id string, at time.Time, was, is string) Event {
	return Event{ID: id, Type: "product.updated", Created: at, Shape: New, Object: ProductWith(is),
		Previous: Object{"metadata": Object{"tollkeeper_projects": was}}}
}

// withoutSchedules turns off what is read from Stripe without a doubt.
func withoutSchedules(c *config.Config) { c.BackfillInterval, c.ResyncInterval = 0, 0 }

// A product is read once, for all its customers, and not again after a restart. An event about it reaches all of them.
func TestAProductIsReadOnceAndItsChangesReachEveryCustomer(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	world := NewWorld(begin, New, 1)
	world.Put(ProductWith("3"))
	api, withStripe := stripe(t, world)
	o := start(t, withStripe, withoutSchedules)
	o.subscribers(begin, "cus_A", "cus_B")
	o.grants("3", "cus_A", "cus_B")
	o.inSync("cus_A", "True EventsAgree")
	o.inSync("cus_B", "True EventsAgree")
	if got := productRequests(api); got != 1 {
		t.Errorf("%d requests for the product of two customers, want 1", got)
	}
	o.stop()
	o = startIn(t, o.namespace, withStripe, withoutSchedules)
	o.subscribers(begin, "cus_C")
	o.grants("3", "cus_C")
	if got := productRequests(api); got != 1 {
		t.Errorf("%d requests for the product after a restart, want still 1", got)
	}

	changed := time.Now().Add(time.Second) // Stripe's clock has moved on since the reading
	o.send(productChanged("evt_product", changed, "3", "8"))
	o.grants("8", "cus_A", "cus_B", "cus_C")
	o.settled()
	if got := o.event("evt_product").Status; got.Outcome != v1alpha1.OutcomeApplied {
		t.Errorf("the event is %q: %s", got.Outcome, got.Message)
	}
	o.subscribers(begin, "cus_D")
	o.grants("8", "cus_D")
	before := o.everyVersion()
	o.send(productChanged("evt_product", changed, "3", "8"), productChanged("evt_late", begin, "2", "3"))
	o.settled()
	o.grants("8", "cus_A", "cus_B", "cus_C", "cus_D")
	for name, version := range o.everyVersion() {
		if before[name] != version && !strings.Contains(name, "BillingEvent") {
			t.Errorf("events that report nothing new have written %s", name)
		}
	}
	if got := productRequests(api); got != 1 {
		t.Errorf("%d requests for the product in the end, want still 1", got)
	}
}

// Without a key, too, an event about a product reaches its customers, even if the leader is killed before: the event is
// pending until all have it.
func TestAChangeOfAProductWithoutAStripeKey(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	o := start(t)
	o.subscribers(begin, "cus_A", "cus_B")
	o.inSync("cus_A", "True EventsAgree")
	o.stop()
	receiver := startIn(t, o.namespace, func(c *config.Config) { c.Components.Controllers = false })
	receiver.send(
		productChanged("evt_2", begin.Add(time.Minute), "3", "4"), productChanged("evt_1", begin.Add(time.Minute), "4", "5"),
		Event{ID: "evt_other", Type: "product.updated", Created: begin, Shape: Old, Object: ProductWith("9").With("id", "prod_other")},
	)
	receiver.stop()
	o = startIn(t, o.namespace)
	o.grants("5", "cus_A", "cus_B")
	o.settled()
	for id, want := range map[string]v1alpha1.Outcome{
		"evt_1": v1alpha1.OutcomeApplied, "evt_2": v1alpha1.OutcomeApplied, "evt_other": v1alpha1.OutcomeRecorded,
	} {
		if got := o.event(id).Status; got.Outcome != want {
			t.Errorf("%s is %q: %s; want %s", id, got.Outcome, got.Message, want)
		}
	}
	o.stop()
	o = startIn(t, o.namespace)
	o.subscribers(begin, "cus_C") // who finds the product in the others' statuses
	o.grants("5", "cus_C")
}

// More customers than are woken at a time take the event too.
func TestAChangeOfAProductReachesManyCustomers(t *testing.T) {
	begin := time.Now().Add(-time.Hour)
	o := start(t)
	var customers []string
	for n := range 150 {
		customers = append(customers, fmt.Sprintf("cus_%03d", n))
	}
	o.subscribers(begin, customers...)
	o.send(productChanged("evt_1", begin.Add(time.Minute), "3", "5"))
	o.settled()
	o.grants("5", customers...)
}

// A key that may not read products changes no decision. Stripe is not asked again for each customer.
func TestAKeyThatMayNotReadProducts(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	world := NewWorld(begin, New, 1)
	world.Put(ProductWith("3"))
	api, withStripe := stripe(t, world)
	api.Fail(math.MaxInt, NotPermitted, func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/products/") })
	o := start(t, withStripe, withoutSchedules)
	o.subscribers(begin, "cus_A", "cus_B")
	o.grants("", "cus_A", "cus_B")
	o.inSync("cus_A", "Unknown ProductsNotKnown")
	o.inSync("cus_B", "Unknown ProductsNotKnown")
	o.settled()
	if got := productRequests(api); got != 1 {
		t.Errorf("%d requests for a product that the key may not read, want 1", got)
	}
	o.send(productChanged("evt_1", begin.Add(time.Minute), "3", "5"))
	o.grants("5", "cus_A", "cus_B")
	o.inSync("cus_B", "True EventsAgree")
}

// A product that Stripe does not know grants nothing. That is remembered: no one asks again, not even after a restart.
func TestAProductThatStripeDoesNotKnow(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	api, withStripe := stripe(t, NewWorld(begin, New, 1))
	o := start(t, withStripe, withoutSchedules)
	o.subscribers(begin, "cus_A", "cus_B")
	for _, customer := range []string{"cus_A", "cus_B"} {
		o.eventually("the product of "+customer+" is known", func() string {
			want := []v1alpha1.Product{{ID: Product, ProductState: v1alpha1.ProductState{NotFound: true}}}
			return cmp.Diff(want, o.customer(customer).Status.Products)
		})
		o.inSync(customer, "True EventsAgree")
	}
	o.stop()
	o = startIn(t, o.namespace, withStripe, withoutSchedules)
	o.subscribers(begin, "cus_C")
	o.inSync("cus_C", "True EventsAgree")
	if got := productRequests(api); got != 1 {
		t.Errorf("%d requests for the product, want 1", got)
	}
}

// The sweep repairs what an event that was lost would have reported.
func TestTheSweepRepairsAProduct(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	world := NewWorld(begin, New, 1)
	world.Do(SignUp)
	world.Put(ProductWith("3"))
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval, c.ResyncInterval = 0, 2*time.Second })
	o.send(world.Events()...)
	customer := world.Objects("customer")[0].ID()
	o.grants("3", customer)
	world.Amend(Product, func(p Object) { p["metadata"] = Object{"tollkeeper_projects": "4"} })
	o.grants("4", customer)
	o.inSync(customer, "True Repaired")
	if got := o.customer(customer).Status.LastComparison; got == nil || !slices.Contains(got.Differed, Product+".entitlements") {
		t.Errorf("the last comparison is %+v, want the product's entitlements among what differed", got)
	}
}

// A customer that bills more products than its status shows holds up no event about one of the others. Neither does one
// whose subscription ends while the event is handed over: both never take it.
func TestNoCustomerHoldsUpAnEventThatItNeverTakes(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Hour)
	o := start(t)
	item := func(product string) Object {
		return Object{"id": "si_" + product, "object": "subscription_item", "quantity": 1, "current_period_start": begin.Unix(),
			"current_period_end": begin.AddDate(0, 1, 0).Unix(), "price": Object{"id": "price_" + product, "object": "price", "product": product}}
	}
	o.send(Event{ID: "evt_new", Type: "customer.created", Created: begin, Shape: New, Object: Customer("cus_A", "a@example.com", "Ada")})
	for _, sub := range []string{"sub_A", "sub_B"} {
		var items []Object
		for n := range 11 {
			items = append(items, item(fmt.Sprintf("prod_%s%02d", sub, n)))
		}
		o.send(Event{ID: "evt_" + sub, Type: "customer.subscription.created", Created: begin, Shape: New,
			Object: Subscription(New, sub, "cus_A", "active", begin, begin.AddDate(0, 1, 0)).
				With("items", Object{"object": "list", "data": items, "has_more": false})})
	}
	o.settled()
	for id, product := range map[string]string{"evt_shown": "prod_sub_A00", "evt_beyond": "prod_sub_B10"} {
		o.send(Event{ID: id, Type: "product.updated", Created: begin.Add(time.Minute), Shape: New, Object: ProductWith("5").With("id", product)})
		o.outcome(id, v1alpha1.OutcomeApplied)
	}
	if got := o.customer("cus_A").Status.Products; len(got) != 1 || got[0].ID != "prod_sub_A00" {
		t.Errorf("the customer shows %+v, want the product that it has room for", got)
	}
}
