package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentIntentRequiresAction(t *testing.T) {
	waits := func(record v1alpha1.PaymentRecord) eventCase {
		record.Status, record.Amount, record.Currency = "requires_action", 1900, "eur"
		return eventCase{event: projection.Event{CustomerID: customerID, PaymentIntentID: intentID, Payment: &record}}
	}
	testType(t, "payment_intent.requires_action", showsIntent, map[string]eventCase{
		"2022-requires-action": waits(v1alpha1.PaymentRecord{InvoiceID: invoiceID, Created: at("2022-09-01")}),
		"2025-requires-action": waits(v1alpha1.PaymentRecord{
			Created: at("2025-05-01"), PaymentMethod: &v1alpha1.PaymentMethod{ID: methodID},
		}),
	})
}
