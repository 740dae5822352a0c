package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSourceExpiring(t *testing.T) {
	expiring := func(method v1alpha1.PaymentMethod) eventCase {
		method.Expiring = true
		return eventCase{
			event:    projection.Event{CustomerID: customerID, PaymentMethod: &v1alpha1.PaymentMethodRecord{PaymentMethod: method}},
			customer: v1alpha1.CustomerStatus{PaymentMethods: []v1alpha1.PaymentMethod{method}},
		}
	}
	testType(t, "customer.source.expiring", showsNothing, map[string]eventCase{
		"2017-card": expiring(*visa()),
		"2023-source-of-a-card": expiring(v1alpha1.PaymentMethod{
			ID: "src_1TollKiteSource", Kind: "card", Brand: "american express", Last4: "0005", ExpMonth: 12, ExpYear: 2023,
		}),
		"2026-card": expiring(v1alpha1.PaymentMethod{
			ID: "card_1TollKiteNew", Kind: "card", Brand: "mastercard", Last4: "4444", ExpMonth: 11, ExpYear: 2026,
		}),
	})
}
