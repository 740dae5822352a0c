package events

import (
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeUpdated(t *testing.T) {
	restored := func(invoice, charged string) v1alpha1.RefundRecord {
		return v1alpha1.RefundRecord{RefundTotal: v1alpha1.RefundTotal{
			Amount: 1900, Currency: "eur", ChargedAt: at(charged), InvoiceID: invoice,
		}}
	}
	old, current := restored(invoiceID, "2017-09-01T10:00:00Z"), restored("", "2026-09-01T10:00:00Z")
	testType(t, "charge.updated", showsNothing, map[string]eventCase{
		"2017-refund-failed": {
			event: projection.Event{CustomerID: customerID, ChargeID: chargeID, Refund: &old},
			customer: v1alpha1.CustomerStatus{Refunds: []v1alpha1.Refund{
				{ChargeID: chargeID, At: *at("2017-09-05T11:00:00Z"), RefundTotal: old.RefundTotal},
			}},
		},
		"2026-refund-failed": {
			event: projection.Event{CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intentID, Refund: &current},
			customer: v1alpha1.CustomerStatus{Refunds: []v1alpha1.Refund{
				{ChargeID: chargeID, PaymentIntentID: intentID, At: *at("2026-09-05T11:00:00Z"), RefundTotal: current.RefundTotal},
			}},
		},
	})
}

// A charge that changes in another way says nothing of refunds.
func TestAnotherChangeOfAChargeIsNoRefund(t *testing.T) {
	body := strings.Replace(string(payload(t, "charge.updated", "2026-refund-failed")), `"amount_refunded": 1900`, `"description": "old"`, 1)
	e, err := decoder.Decode([]byte(body))
	if err != nil || e.DecodeError != "" || e.Refund != nil {
		t.Errorf("%+v, %v", e, err)
	}
}
