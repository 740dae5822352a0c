package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentIntentCreated(t *testing.T) {
	created := func(record v1alpha1.PaymentRecord) projection.Event {
		return projection.Event{CustomerID: customerID, PaymentIntentID: intentID, Payment: &record}
	}
	testType(t, "payment_intent.created", showsIntent, map[string]eventCase{
		"2018-requires-source": {event: created(v1alpha1.PaymentRecord{
			Status: "requires_source", Amount: 1900, Currency: "eur", InvoiceID: invoiceID, Created: at("2018-12-01"),
		})},
		"2022-requires-payment-method": {event: created(v1alpha1.PaymentRecord{
			Status: "requires_payment_method", Amount: 1900, Currency: "eur", InvoiceID: invoiceID, Created: at("2022-09-01"),
		})},
		"2025-requires-confirmation": {event: created(v1alpha1.PaymentRecord{
			Status: "requires_confirmation", Amount: 1900, Currency: "eur", Created: at("2025-05-01"),
			PaymentMethod: &v1alpha1.PaymentMethod{ID: methodID},
		})},
		"2026-nulls": {event: created(v1alpha1.PaymentRecord{})},
	})
}
