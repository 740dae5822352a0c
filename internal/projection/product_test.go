package projection_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

func productUpdated(t *testing.T, after time.Duration, id, was, is string) projection.Change {
	t.Helper()
	e := at(after, "product.updated", ProductWith(is)).As(id)
	e.Previous = Object{"metadata": Object{"tollkeeper_projects": was}}
	return change(t, e)
}

// productRead is a reading of the product.
func productRead(t *testing.T, after time.Duration, projects string) *projection.Event {
	t.Helper()
	e := change(t, at(after, "product.updated", ProductWith(projects))).Event
	e.Type, e.EventID = "product.read", projection.EventRead
	return e
}

func projectsOf(a *projection.Aggregate) string {
	if len(a.Customer.Products) != 1 {
		return fmt.Sprintf("%d products", len(a.Customer.Products))
	}
	text := string(a.Customer.Products[0].Entitlements["projects"])
	if doubt := projection.ProductPosition(&a.Customer, Product).Doubt; doubt != "" {
		text += " " + string(doubt)
	}
	return text
}

// Readings and events about a product take part in one order. A reading is from a cache, so it may be folded late.
func TestProductsAreOrdered(t *testing.T) {
	for name, tc := range map[string]struct {
		fold func(t *testing.T, a *projection.Aggregate)
		want string
	}{
		"a later event wins over a reading": {func(t *testing.T, a *projection.Aggregate) {
			projection.Read(a, productRead(t, 0, "3"))
			projection.Fold(a, []projection.Change{productUpdated(t, time.Hour, "evt_1", "3", "5")})
		}, "5"},
		"an older reading says nothing": {func(t *testing.T, a *projection.Aggregate) {
			projection.Fold(a, []projection.Change{productUpdated(t, time.Hour, "evt_1", "3", "5")})
			projection.Read(a, productRead(t, 0, "3"))
		}, "5"},
		"an older reading says nothing after a newer one": {func(t *testing.T, a *projection.Aggregate) {
			projection.Read(a, productRead(t, time.Hour, "5"))
			projection.Read(a, productRead(t, 0, "3"))
		}, "5"},
		"an older event says nothing": {func(t *testing.T, a *projection.Aggregate) {
			projection.Read(a, productRead(t, time.Hour, "5"))
			projection.Fold(a, []projection.Change{productUpdated(t, 0, "evt_1", "3", "4")})
		}, "5"},
		"of one second, the event wins over the reading that it changes": {func(t *testing.T, a *projection.Aggregate) {
			projection.Read(a, productRead(t, 0, "3"))
			projection.Fold(a, []projection.Change{productUpdated(t, 0, "evt_1", "3", "5")})
		}, "5"},
		"history orders the events of one second": {func(t *testing.T, a *projection.Aggregate) {
			projection.Fold(a, []projection.Change{productUpdated(t, 0, "evt_1", "4", "5"), productUpdated(t, 0, "evt_9", "3", "4")})
		}, "5"},
		"a tie is a doubt": {func(t *testing.T, a *projection.Aggregate) {
			projection.Fold(a, []projection.Change{productUpdated(t, 0, "evt_1", "3", "4"), productUpdated(t, 0, "evt_9", "3", "5")})
		}, "5 Tie"},
		"a later reading settles the tie": {func(t *testing.T, a *projection.Aggregate) {
			projection.Fold(a, []projection.Change{productUpdated(t, 0, "evt_1", "3", "4"), productUpdated(t, 0, "evt_9", "3", "5")})
			projection.Read(a, productRead(t, time.Second, "4"))
		}, "4"},
		"a product that Stripe does not know grants nothing": {func(t *testing.T, a *projection.Aggregate) {
			projection.Read(a, productRead(t, 0, "3"))
			projection.Read(a, projection.MissingProduct("", Product, metav1.NewTime(begin.Add(time.Hour))))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var a projection.Aggregate
			tc.fold(t, &a)
			if got := projectsOf(&a); got != tc.want {
				t.Errorf("the product grants %q, want %q", got, tc.want)
			}
		})
	}
}

// The first reading corrects nothing. A later one that differs does, and one that confirms changes nothing.
func TestAReadingOfAProductNamesWhatItCorrects(t *testing.T) {
	var a projection.Aggregate
	for _, tc := range []struct {
		after    time.Duration
		projects string
		differed []string
	}{{0, "3", nil}, {time.Hour, "3", nil}, {2 * time.Hour, "4", []string{"entitlements"}}} {
		if diff := cmp.Diff(tc.differed, projection.Read(&a, productRead(t, tc.after, tc.projects)).Repaired); diff != "" {
			t.Errorf("after %s, what differed (-want +got):\n%s", tc.after, diff)
		}
	}
	if p := projection.ProductPosition(&a.Customer, Product); !p.Created.Time.Equal(begin.Add(2 * time.Hour)) {
		t.Errorf("the product shows the reading of %s, want the third", p.Created)
	}
}

// The price's metadata comes first, then the product's. Products that no subscription bills any more are dropped.
func TestProductsGrantEntitlements(t *testing.T) {
	item := func(product string, seats v1alpha1.Value) v1alpha1.SubscriptionItem {
		return v1alpha1.SubscriptionItem{Product: product, Entitlements: map[string]v1alpha1.Value{"seats": seats}}
	}
	granting := func(id string, entitlements map[string]v1alpha1.Value) v1alpha1.Product {
		return v1alpha1.Product{ID: id, ProductState: v1alpha1.ProductState{Entitlements: entitlements}}
	}
	known := v1alpha1.Position{Authority: v1alpha1.AuthorityState, EventID: projection.EventRead}
	a := projection.Aggregate{
		Customer: v1alpha1.CustomerStatus{
			Products: []v1alpha1.Product{
				granting("prod_A", map[string]v1alpha1.Value{"seats": "9", "sso": "yes"}), granting("prod_former", map[string]v1alpha1.Value{"old": "1"}),
			},
			Positions: map[string]v1alpha1.Position{"product/prod_A": known, "product/prod_former": known},
		},
		Subscriptions: map[string]*v1alpha1.SubscriptionStatus{
			"sub_A": {SubscriptionState: v1alpha1.SubscriptionState{Status: "active", Items: []v1alpha1.SubscriptionItem{item("prod_A", "5"), item("prod_B", "7")}}},
			"sub_B": {SubscriptionState: v1alpha1.SubscriptionState{Status: "canceled", Items: []v1alpha1.SubscriptionItem{item("prod_former", "1")}}},
		},
	}
	projection.Summarise(&a, projection.View{Deciding: "sub_A", Entitling: []string{"sub_A"}, Name: func(id string) string { return id }, Now: begin})
	if diff := cmp.Diff(map[string]v1alpha1.Value{"seats": "5", "sso": "yes"}, a.Customer.Entitlements); diff != "" {
		t.Errorf("entitlements (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(v1alpha1.Positions{"product/prod_A": known}, a.Customer.Positions); diff != "" || len(a.Customer.Products) != 1 {
		t.Errorf("%d products are shown, want the billed one; positions (-want +got):\n%s", len(a.Customer.Products), diff)
	}
	if diff := cmp.Diff(map[string]v1alpha1.Position{"prod_B": {}}, projection.ProductsInDoubt(&a)); diff != "" {
		t.Errorf("products in doubt (-want +got):\n%s", diff)
	}
}

// A status shows twenty products. What is beyond is no doubt either: it would be read without end.
func TestProductsAreBounded(t *testing.T) {
	a := projection.Aggregate{Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
	for n := range 30 {
		product := fmt.Sprintf("prod_%02d", n)
		a.Subscriptions["sub_"+product] = &v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{
			Status: "active", Items: []v1alpha1.SubscriptionItem{{Product: product}},
		}}
		projection.Read(&a, projection.MissingProduct("", product, metav1.NewTime(begin)))
	}
	projection.Summarise(&a, projection.View{Name: func(id string) string { return id }, Now: begin})
	if len(a.Customer.Products) != 20 || len(a.Customer.Positions) != 20 || len(projection.ProductsInDoubt(&a)) != 0 {
		t.Errorf("%d products, %d positions, %d doubts; want 20, 20 and 0",
			len(a.Customer.Products), len(a.Customer.Positions), len(projection.ProductsInDoubt(&a)))
	}
}

// What one customer shows can be folded into the status of another: it then shows the same, at the same position.
func TestWhatACustomerShowsOfAProductGoesToAnother(t *testing.T) {
	var a projection.Aggregate
	updated := productUpdated(t, time.Hour, "evt_1", "3", "5")
	projection.Fold(&a, []projection.Change{updated})
	shown := projection.ShownProduct(&a.Customer, "", Product)
	var b projection.Aggregate
	projection.Fold(&b, []projection.Change{events.Change(shown)})
	if diff := cmp.Diff(a.Customer.Products, b.Customer.Products); diff != "" {
		t.Errorf("products (-one +other):\n%s", diff)
	}
	if diff := cmp.Diff(a.Customer.Positions, b.Customer.Positions); diff != "" {
		t.Errorf("positions (-one +other):\n%s", diff)
	}
	if projection.LacksProductEvent(&b.Customer, updated.Event) || !projection.LacksProductEvent(&b.Customer, productUpdated(t, time.Hour, "evt_2", "5", "6").Event) {
		t.Error("the other customer must lack evt_2 and not evt_1")
	}
	if projection.ShownProduct(&a.Customer, "", "prod_other") != nil {
		t.Error("a product that is not known is shown")
	}
}

// A customer that has taken an event lacks it no more, even if more events of one second came than a history remembers.
func TestNoEventThatWasTakenIsLacking(t *testing.T) {
	var taken []projection.Change
	for i := range 12 {
		seats := fmt.Sprint(i)
		taken = append(taken, productUpdated(t, time.Hour, fmt.Sprintf("evt_%02d", i), seats, seats+"0"))
	}
	for seed := range uint64(20) {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(taken), func(i, j int) { taken[i], taken[j] = taken[j], taken[i] })
		var a projection.Aggregate
		for i, c := range taken {
			projection.Fold(&a, []projection.Change{c})
			for _, earlier := range taken[:i+1] {
				if projection.LacksProductEvent(&a.Customer, earlier.Event) {
					t.Fatalf("seed %d: %s was taken and is lacking after %s", seed, earlier.Event.EventID, c.Event.EventID)
				}
			}
		}
		if !projection.LacksProductEvent(&a.Customer, productUpdated(t, time.Hour, "evt_99", "5", "6").Event) {
			t.Fatalf("seed %d: a new event of that second is not lacking", seed)
		}
	}
}
