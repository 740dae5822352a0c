package stripejson

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A price below a cent has no whole number of minor units: unit_amount is null then.
func TestPricesOfItems(t *testing.T) {
	for name, tc := range map[string]struct {
		price string
		want  v1alpha1.SubscriptionItem
	}{
		"a price":             {`{"unit_amount": 2900, "unit_amount_decimal": "2900"}`, v1alpha1.SubscriptionItem{UnitAmount: new(int64(2900))}},
		"below a cent":        {`{"unit_amount": null, "unit_amount_decimal": "0.35"}`, v1alpha1.SubscriptionItem{UnitAmountDecimal: "0.35"}},
		"a plan below a cent": {`{"amount": null, "amount_decimal": "0.35"}`, v1alpha1.SubscriptionItem{UnitAmountDecimal: "0.35"}},
		"tiered":              {`{"unit_amount": null, "unit_amount_decimal": null}`, v1alpha1.SubscriptionItem{}},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse([]byte(`{"items": {"data": [{"price": ` + tc.price + `}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]v1alpha1.SubscriptionItem{tc.want}, Subscription(o, "").Items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
		})
	}
}
