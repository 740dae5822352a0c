package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentIntentProcessing(t *testing.T) {
	testType(t, "payment_intent.processing", showsIntent, map[string]eventCase{
		"2022-card":       intentIn("2022", "processing"),
		"2025-sepa-debit": intentIn("2025", "processing"),
	})
}

// intentIn is the payment intent of the payloads in a status.
func intentIn(year, status string) eventCase {
	record := &v1alpha1.PaymentRecord{Status: status, Amount: 1900, Currency: "eur", Created: at("2025-05-01"), PaymentMethod: &v1alpha1.PaymentMethod{ID: methodID}}
	if year == "2022" {
		record.InvoiceID, record.Created, record.PaymentMethod = invoiceID, at("2022-09-01"), nil
	}
	return eventCase{event: projection.Event{CustomerID: customerID, PaymentIntentID: intentID, Payment: record}}
}
