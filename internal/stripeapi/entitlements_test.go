package stripeapi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// All pages of a customer's active entitlements are read, and no other customer's.
func TestActiveEntitlements(t *testing.T) {
	world := stripetest.NewWorld(time.Now(), stripetest.New, 1)
	world.SetFeatures("cus_A", "e", "d", "c", "b", "a")
	world.SetFeatures("cus_B", "z")
	api := stripetest.NewAPI(key, world)
	api.PageSize = 2
	server := api.Start()
	t.Cleanup(server.Close)
	client := stripeapi.New(key, server.URL, "")
	for customer, want := range map[string][]string{"cus_A": {"a", "b", "c", "d", "e"}, "cus_B": {"z"}, "cus_C": nil} {
		read, err := client.ActiveEntitlements(t.Context(), "", customer)
		if err != nil {
			t.Fatal(err)
		}
		list := stripejson.Features(read.Object)
		if diff := cmp.Diff(want, list.Keys); diff != "" || list.More || read.Object.ID("customer") != customer || read.At.IsZero() {
			t.Errorf("%s: more %t, at %s, features (-want +got):\n%s", customer, list.More, read.At, diff)
		}
	}
	if got := len(api.Requests("/v1/entitlements/active_entitlements")); got != 5 {
		t.Errorf("%d requests for lists of five, one and no features, two a page; want 5", got)
	}
}

// An account uses Entitlements if it has a feature, archived or not.
func TestUsesEntitlements(t *testing.T) {
	for name, tc := range map[string]struct {
		features []stripetest.Object
		want     bool
		requests int
	}{
		"none":        {nil, false, 2},
		"one":         {[]stripetest.Object{stripetest.Feature("sso")}, true, 1},
		"an archived": {[]stripetest.Object{stripetest.Feature("sso").With("active", false)}, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			world := stripetest.NewWorld(time.Now(), stripetest.New, 1)
			for _, feature := range tc.features {
				world.Put(feature)
			}
			api := stripetest.NewAPI(key, world)
			server := api.Start()
			t.Cleanup(server.Close)
			got, err := stripeapi.New(key, server.URL, "").UsesEntitlements(t.Context(), "")
			if n := len(api.Requests("/v1/entitlements/features")); got != tc.want || err != nil || n != tc.requests {
				t.Errorf("got %t and %v after %d requests, want %t after %d", got, err, n, tc.want, tc.requests)
			}
		})
	}
}
