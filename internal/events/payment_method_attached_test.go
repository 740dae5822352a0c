package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentMethodAttached(t *testing.T) {
	testType(t, "payment_method.attached", showsNothing, map[string]eventCase{
		"2019-card":       ofMethod(*mastercard()),
		"2026-card":       ofMethod(*mastercard()),
		"2026-sepa-debit": ofMethod(*sepaDebit()),
	})
}

// ofMethod is an event that shows the payment method.
func ofMethod(method v1alpha1.PaymentMethod) eventCase {
	return eventCase{
		event:    projection.Event{CustomerID: customerID, PaymentMethod: &v1alpha1.PaymentMethodRecord{PaymentMethod: method}},
		customer: v1alpha1.CustomerStatus{PaymentMethods: []v1alpha1.PaymentMethod{method}},
	}
}
