package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeFailed(t *testing.T) {
	failed := func(intent string, record v1alpha1.PaymentRecord) projection.Event {
		record.Status, record.Amount, record.Currency = "failed", 1900, "eur"
		return projection.Event{CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intent, Payment: &record}
	}
	lost := func(intent, when string, failure v1alpha1.PaymentFailure) v1alpha1.CustomerStatus {
		return v1alpha1.CustomerStatus{LastFailure: &v1alpha1.LastFailure{
			Payment:        v1alpha1.Payment{At: *at(when), Amount: 1900, Currency: "eur", ChargeID: chargeID, PaymentIntentID: intent},
			PaymentFailure: failure,
		}}
	}
	declined := v1alpha1.PaymentFailure{
		Code: "card_declined", DeclineCode: "insufficient_funds", Message: "Your card has insufficient funds.",
	}
	testType(t, "charge.failed", showsNothing, map[string]eventCase{
		"2017-declined": {
			event: failed("", v1alpha1.PaymentRecord{
				InvoiceID: invoiceID, Created: at("2017-09-01"), Failure: &declined, PaymentMethod: visa(),
			}),
			customer: lost("", "2017-09-01T10:00:05Z", declined),
		},
		"2019-without-reason": { // a failure without a reason is still a failure
			event: failed(intentID, v1alpha1.PaymentRecord{
				InvoiceID: invoiceID, Created: at("2019-09-01"), Failure: &v1alpha1.PaymentFailure{}, PaymentMethod: mastercard(),
			}),
			customer: lost(intentID, "2019-09-01T10:00:05Z", v1alpha1.PaymentFailure{}),
		},
		"2026-declined": {
			event: failed(intentID, v1alpha1.PaymentRecord{
				Created: at("2026-09-01"), Failure: &declined, PaymentMethod: mastercard(),
			}),
			customer: lost(intentID, "2026-09-01T10:00:05Z", declined),
		},
	})
}
