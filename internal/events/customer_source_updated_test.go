package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSourceUpdated(t *testing.T) {
	updated := func(method v1alpha1.PaymentMethod) eventCase {
		return eventCase{
			event:    projection.Event{CustomerID: customerID, PaymentMethod: &v1alpha1.PaymentMethodRecord{PaymentMethod: method}},
			customer: v1alpha1.CustomerStatus{PaymentMethods: []v1alpha1.PaymentMethod{method}},
		}
	}
	testType(t, "customer.source.updated", showsNothing, map[string]eventCase{
		"2017-card": updated(with(*visa(), func(m *v1alpha1.PaymentMethod) { m.ExpMonth, m.ExpYear = 8, 2021 })),
		"2022-bank-account": updated(v1alpha1.PaymentMethod{
			ID: "ba_1TollKiteBank", Kind: "bank_account", Brand: "kite bank", Last4: "6789",
		}),
		"2026-sepa-source": updated(v1alpha1.PaymentMethod{ID: "src_1TollKiteSepa", Kind: "sepa_debit", Last4: "3000"}),
		"2026-nulls":       updated(v1alpha1.PaymentMethod{ID: cardID, Kind: "card"}),
	})
}

// A card with a new expiry date is no longer expiring.
func TestCustomerSourceUpdatedEndsExpiring(t *testing.T) {
	var aggregate projection.Aggregate
	for _, eventType := range []string{"customer.source.expiring", "customer.source.updated"} {
		e, err := decoder.Decode(payload(t, eventType, "2017-card"))
		if err != nil {
			t.Fatal(err)
		}
		e.Created = *at("2019-04-01") // in the same second the ids decide: …Updated… comes after …Expiring…
		projection.Fold(&aggregate, []projection.Change{Change(e)})
	}
	if got := aggregate.Customer.PaymentMethods; len(got) != 1 || got[0].Expiring || got[0].ExpYear != 2021 {
		t.Errorf("payment methods are %+v, want one that expires in 2021", got)
	}
}
