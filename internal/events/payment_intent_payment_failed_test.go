package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentIntentPaymentFailed(t *testing.T) {
	failed := func(record v1alpha1.PaymentRecord) projection.Event {
		record.Status, record.Amount, record.Currency = "requires_payment_method", 1900, "eur"
		return projection.Event{CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intentID, Payment: &record}
	}
	lost := func(when string, failure v1alpha1.PaymentFailure) v1alpha1.CustomerStatus {
		return v1alpha1.CustomerStatus{LastFailure: &v1alpha1.LastFailure{
			Payment:        v1alpha1.Payment{At: *at(when), Amount: 1900, Currency: "eur", ChargeID: chargeID, PaymentIntentID: intentID},
			PaymentFailure: failure,
		}}
	}
	declined := v1alpha1.PaymentFailure{
		Code: "card_declined", DeclineCode: "insufficient_funds", Message: "Your card has insufficient funds.",
	}
	broken := v1alpha1.PaymentFailure{Code: "api_error", Message: "Try again."}
	testType(t, "payment_intent.payment_failed", showsIntent, map[string]eventCase{
		"2019-charges": {
			event: failed(v1alpha1.PaymentRecord{
				InvoiceID: invoiceID, Created: at("2019-09-01"), Failure: &declined, PaymentMethod: mastercard(),
			}),
			customer: lost("2019-09-01T10:00:05Z", declined),
		},
		"2023-error-without-code": { // its type takes the code's place
			event:    failed(v1alpha1.PaymentRecord{InvoiceID: invoiceID, Created: at("2023-11-01"), Failure: &broken}),
			customer: lost("2023-11-01T10:00:05Z", broken),
		},
		"2026-error-with-method": {
			event:    failed(v1alpha1.PaymentRecord{Created: at("2026-09-01"), Failure: &declined, PaymentMethod: mastercard()}),
			customer: lost("2026-09-01T10:00:05Z", declined),
		},
	})
}
