package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPaymentIntentSucceeded(t *testing.T) {
	succeeded := func(record v1alpha1.PaymentRecord) projection.Event {
		record.Status, record.Currency = "succeeded", "eur"
		return projection.Event{CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intentID, Payment: &record}
	}
	received := func(when string, amount int64) v1alpha1.CustomerStatus {
		return v1alpha1.CustomerStatus{LastPayment: &v1alpha1.Payment{
			At: *at(when), Amount: amount, Currency: "eur", ChargeID: chargeID, PaymentIntentID: intentID,
		}}
	}
	both := func(e *projection.Event, c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) {
		showsIntent(e, c, s)
		showsPayment(e, c, s)
	}
	testType(t, "payment_intent.succeeded", both, map[string]eventCase{
		"2019-charges": {
			event: succeeded(v1alpha1.PaymentRecord{
				Amount: 1900, InvoiceID: invoiceID, Created: at("2019-09-01"), PaymentMethod: mastercard(),
			}),
			customer: received("2019-09-01T10:00:05Z", 1900),
		},
		"2019-charge-of-a-source": {
			event: succeeded(v1alpha1.PaymentRecord{
				Amount: 1900, InvoiceID: invoiceID, Created: at("2019-03-01"), PaymentMethod: visa(),
			}),
			customer: received("2019-03-01T10:00:05Z", 1900),
		},
		"2022-both-shapes": { // latest_charge is only an id; charges has the payment method
			event: succeeded(v1alpha1.PaymentRecord{
				Amount: 1900, InvoiceID: invoiceID, Created: at("2022-09-01"), PaymentMethod: mastercard(),
			}),
			customer: received("2022-09-01T10:00:05Z", 1900),
		},
		"2023-latest-charge-expanded": {
			event: succeeded(v1alpha1.PaymentRecord{
				Amount: 1900, InvoiceID: invoiceID, Created: at("2023-11-01"), PaymentMethod: mastercard(),
			}),
			customer: received("2023-11-01T10:00:05Z", 1900),
		},
		"2026-access": {
			event: succeeded(v1alpha1.PaymentRecord{
				Amount: 1500, Created: at("2026-09-01"), PaymentMethod: mastercard(), Metadata: map[string]v1alpha1.Value{"access": "P1M"},
			}),
			customer: with(received("2026-09-01T10:00:05Z", 1500), func(c *v1alpha1.CustomerStatus) {
				c.Purchases = []v1alpha1.Purchase{{
					ID: intentID, PaymentIntentID: intentID, ChargeID: chargeID, BoughtAt: *at("2026-09-01"), State: v1alpha1.CheckoutPaid,
					PaidAt: at("2026-09-01T10:00:05Z"), Terms: []v1alpha1.PurchaseTerms{{
						Source: "Payment", Metadata: map[string]v1alpha1.Value{"access": "P1M"}, Created: *at("2026-09-01T10:00:05Z"),
						EventID: "evt_1TollPaymentIntentSucceeded91",
					}},
				}}
			}),
		},
		"2026-received-less": { // than requested
			event:    succeeded(v1alpha1.PaymentRecord{Amount: 1500, Created: at("2026-09-01"), PaymentMethod: mastercard()}),
			customer: received("2026-09-01T10:00:05Z", 1500),
		},
	})
}
