package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoicePaymentPaid(t *testing.T) {
	paid := func(reported string, e projection.Event) eventCase {
		e.Payment = &v1alpha1.PaymentRecord{
			Status: "paid", Amount: 1900, Currency: "eur", InvoiceID: invoiceID, Created: at(reported + "T10:01:00Z"),
		}
		return eventCase{event: e, customer: v1alpha1.CustomerStatus{InvoicePayments: []v1alpha1.InvoicePayment{{
			ID: "inpay_1TollKitePayment", InvoiceID: invoiceID, ChargeID: e.ChargeID, PaymentIntentID: e.PaymentIntentID,
			At: *at(reported + "T10:01:02Z"),
		}}}}
	}
	testType(t, "invoice_payment.paid", showsNothing, map[string]eventCase{
		"2025-payment-intent": paid("2025-10-01", projection.Event{PaymentIntentID: intentID}),
		"2026-charge":         paid("2026-10-01", projection.Event{ChargeID: chargeID}),
	})
}
