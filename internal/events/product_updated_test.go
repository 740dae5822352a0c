package events

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

func TestProductUpdated(t *testing.T) {
	product := func(entitlements map[string]v1alpha1.Value) eventCase {
		state := v1alpha1.ProductState{Name: "Kite", Entitlements: entitlements}
		return eventCase{
			event:    projection.Event{Product: &v1alpha1.ProductRecord{ProductState: state}},
			customer: v1alpha1.CustomerStatus{Products: []v1alpha1.Product{{ID: "prod_TollKite", ProductState: state}}},
		}
	}
	testType(t, "product.updated", showsNothing, map[string]eventCase{
		"2018-good-with-metadata": product(map[string]v1alpha1.Value{"seats": "5", "sso": ""}),
		"2025-metadata-removed":   product(nil),
	})
}

// The state after one update is the state before the next.
func TestUpdatesOfAProductFollowOnOneAnother(t *testing.T) {
	var traces []v1alpha1.Trace
	for _, name := range payloads(t, "product.updated") {
		e, err := decoder.Decode(payload(t, "product.updated", name))
		if err != nil {
			t.Fatal(err)
		}
		traces = append(traces, e.Product.Trace)
	}
	if traces[0].StateAfter == "" || traces[0].StateAfter != traces[1].StateBefore || traces[1].StateAfter == traces[1].StateBefore {
		t.Errorf("the traces are %+v: want the second to lead on from the first", traces)
	}
}

// An answer about a product is used only if it is that product. Of a deleted one, Stripe returns its id and a flag.
func TestAReadingOfAProduct(t *testing.T) {
	for name, tc := range map[string]struct {
		answer    string
		want      v1alpha1.ProductState
		wantError string
	}{
		"product": {
			`{"id": "prod_A", "object": "product", "name": "A", "metadata": {"tollkeeper_seats": "5", "shelf": "1"}}`,
			v1alpha1.ProductState{Name: "A", Entitlements: map[string]v1alpha1.Value{"seats": "5"}}, "",
		},
		"deleted":                 {`{"id": "prod_A", "object": "product", "deleted": true}`, v1alpha1.ProductState{NotFound: true}, ""},
		"another product":         {`{"id": "prod_B", "object": "product"}`, v1alpha1.ProductState{}, "asked for the product prod_A"},
		"another kind":            {`{"id": "prod_A", "object": "price"}`, v1alpha1.ProductState{}, "asked for the product prod_A"},
		"a name that is a number": {`{"id": "prod_A", "object": "product", "name": 5}`, v1alpha1.ProductState{}, ""},
		"a flag that is a number": {`{"id": "prod_A", "object": "product", "deleted": 5}`, v1alpha1.ProductState{}, "deleted: want true or false"},
	} {
		t.Run(name, func(t *testing.T) {
			object, err := stripejson.Parse([]byte(tc.answer))
			if err != nil {
				t.Fatal(err)
			}
			e, err := decoder.Product("acct_1", "prod_A", object, at("2026-01-01").Time)
			if tc.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantError) {
					t.Fatalf("error is %v, want one with %q", err, tc.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, e.Product.ProductState); diff != "" || e.EventID != projection.EventRead || e.Account != "acct_1" {
				t.Errorf("event %s of account %q; product (-want +got):\n%s", e.EventID, e.Account, diff)
			}
		})
	}
}
