package stripejson

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

type terms = map[string]v1alpha1.Value

func TestPurchaseMetadata(t *testing.T) {
	for name, tc := range map[string]struct {
		json string
		want terms
	}{
		"says so, with another key": {`{"metadata": {"tollkeeper_access": "30d", "tollkeeper_seats": "5", "note": "x"}}`, terms{"access": "30d", "seats": "5"}},
		"other keys only":           {`{"metadata": {"tollkeeper_tenant": "7", "access": "30d"}}`, nil},
		"empty":                     {`{"metadata": {}}`, nil},
		"none":                      {`{"metadata": null}`, nil},
		"cannot be read":            {`{"metadata": {"tollkeeper_access": "soon"}}`, terms{"access": "soon"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, PurchaseMetadata(parse(t, tc.json), "tollkeeper_")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPriceMetadata(t *testing.T) {
	for name, tc := range map[string]struct {
		json string
		want terms
	}{
		"line of a session": {
			`{"line_items": {"data": [{"price": {"id": "price_1", "recurring": null, "type": "one_time", "metadata": {"tollkeeper_access": "lifetime"}}}]}}`,
			terms{"access": "lifetime"},
		},
		"line of a session, with the product": {
			`{"line_items": {"data": [{"price": {"metadata": {"tollkeeper_access": "30d"}, "product": {"metadata": {"tollkeeper_access": "1d", "tollkeeper_tier": "gold"}}}}]}}`,
			terms{"access": "30d", "tier": "gold"},
		},
		"line of an old invoice": {
			`{"lines": {"data": [{"type": "invoiceitem", "price": {"id": "price_1", "type": "one_time", "metadata": {"tollkeeper_access": "1mo"}}}]}}`,
			terms{"access": "1mo"},
		},
		"line of a new invoice": {`{"lines": {"data": [{"pricing": {"price_details": {"price": "price_1"}}}]}}`, nil},
		"a subscription's price": {
			`{"lines": {"data": [{"price": {"recurring": {"interval": "month"}, "metadata": {"tollkeeper_access": "1mo"}}}]}}`, nil,
		},
		"the longest of several": {
			`{"lines": {"data": [
				{"price": {"metadata": {"tollkeeper_access": "soon", "tollkeeper_a": "1"}}},
				{"price": {"metadata": {"tollkeeper_access": "1mo", "tollkeeper_a": "2"}}},
				{"price": {"metadata": {"tollkeeper_seats": "9"}}},
				{"price": {"metadata": {"tollkeeper_access": "1y", "tollkeeper_b": "3"}}},
				{"price": {"metadata": {"tollkeeper_access": "4w"}}}]}}`,
			terms{"access": "1y", "a": "1", "b": "3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, PriceMetadata(parse(t, tc.json), "tollkeeper_")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
