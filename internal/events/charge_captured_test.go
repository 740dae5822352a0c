package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeCaptured(t *testing.T) {
	captured := func(year, invoice string, method *v1alpha1.PaymentMethod) eventCase {
		c := chargeOf(year, "succeeded", invoice, method)
		c.customer.LastPayment = &v1alpha1.Payment{
			At: *at(year + "-09-01T10:00:05Z"), Amount: 1900, Currency: "eur", ChargeID: chargeID, PaymentIntentID: intentID,
		}
		return c
	}
	testType(t, "charge.captured", showsPayment, map[string]eventCase{
		"2022-card":       captured("2022", invoiceID, mastercard()),
		"2026-sepa-debit": captured("2026", "", sepaDebit()),
	})
}

// chargeOf is an event about the charge of the payloads.
func chargeOf(year, status, invoice string, method *v1alpha1.PaymentMethod) eventCase {
	return eventCase{event: projection.Event{
		CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intentID, Payment: &v1alpha1.PaymentRecord{
			Status: status, Amount: 1900, Currency: "eur", InvoiceID: invoice, Created: at(year + "-09-01"), PaymentMethod: method,
		},
	}}
}

func sepaDebit() *v1alpha1.PaymentMethod {
	return &v1alpha1.PaymentMethod{ID: methodID, Kind: "sepa_debit", Last4: "3000"}
}
