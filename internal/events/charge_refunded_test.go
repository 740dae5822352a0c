package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeRefunded(t *testing.T) {
	partly := v1alpha1.RefundTotal{Amount: 1900, AmountRefunded: 400, Currency: "eur", ChargedAt: at("2017-09-01T10:00:00Z"), InvoiceID: invoiceID}
	fully := v1alpha1.RefundTotal{Amount: 1900, AmountRefunded: 1900, Currency: "eur", Full: true, ChargedAt: at("2026-09-01T10:00:00Z")}
	testType(t, "charge.refunded", showsNothing, map[string]eventCase{
		"2017-partly": {
			event: projection.Event{CustomerID: customerID, ChargeID: chargeID, Refund: &v1alpha1.RefundRecord{RefundTotal: partly}},
			customer: v1alpha1.CustomerStatus{Refunds: []v1alpha1.Refund{
				{ChargeID: chargeID, At: *at("2017-09-05"), RefundTotal: partly},
			}},
		},
		"2026-fully": { // since 2022-11-15 a charge does not list its refunds
			event: projection.Event{CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intentID, Refund: &v1alpha1.RefundRecord{RefundTotal: fully}},
			customer: v1alpha1.CustomerStatus{Refunds: []v1alpha1.Refund{
				{ChargeID: chargeID, PaymentIntentID: intentID, At: *at("2026-09-05"), RefundTotal: fully},
			}},
		},
	})
}
