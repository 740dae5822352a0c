package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeSucceeded(t *testing.T) {
	charged := func(intent, invoice, created string, method *v1alpha1.PaymentMethod) projection.Event {
		return projection.Event{CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intent, Payment: &v1alpha1.PaymentRecord{
			Status: "succeeded", Amount: 1900, Currency: "eur", InvoiceID: invoice, Created: at(created), PaymentMethod: method,
		}}
	}
	received := func(intent, when string) v1alpha1.CustomerStatus {
		return v1alpha1.CustomerStatus{LastPayment: &v1alpha1.Payment{
			At: *at(when), Amount: 1900, Currency: "eur", ChargeID: chargeID, PaymentIntentID: intent,
		}}
	}
	testType(t, "charge.succeeded", showsPayment, map[string]eventCase{
		"2017-source-card": {
			event:    charged("", invoiceID, "2017-09-01", visa()),
			customer: received("", "2017-09-01T10:00:05Z"),
		},
		"2017-bank-account": {
			event: charged("", invoiceID, "2017-09-01", &v1alpha1.PaymentMethod{
				ID: "ba_1TollKiteBank", Kind: "bank_account", Brand: "kite bank", Last4: "6789",
			}),
			customer: received("", "2017-09-01T10:00:05Z"),
		},
		"2022-expanded-customer": { // and an expanded payment intent
			event:    charged(intentID, invoiceID, "2022-09-01", mastercard()),
			customer: received(intentID, "2022-09-01T10:00:05Z"),
		},
		"2022-access": {
			event: with(charged(intentID, invoiceID, "2022-09-01", mastercard()), func(e *projection.Event) {
				e.Payment.Metadata = map[string]v1alpha1.Value{"access": "30d"}
			}),
			customer: with(received(intentID, "2022-09-01T10:00:05Z"), func(c *v1alpha1.CustomerStatus) {
				c.Purchases = []v1alpha1.Purchase{{
					ID: intentID, PaymentIntentID: intentID, ChargeID: chargeID, InvoiceID: invoiceID, BoughtAt: *at("2022-09-01"),
					State: v1alpha1.CheckoutPaid, PaidAt: at("2022-09-01T10:00:05Z"), Terms: []v1alpha1.PurchaseTerms{{
						Source: "Payment", Metadata: map[string]v1alpha1.Value{"access": "30d"}, Created: *at("2022-09-01T10:00:05Z"),
						EventID: "evt_1TollChargeSucceeded06",
					}},
				}}
			}),
		},
		"2026-sepa-debit": {
			event:    charged(intentID, "", "2026-09-01", &v1alpha1.PaymentMethod{ID: methodID, Kind: "sepa_debit", Last4: "3000"}),
			customer: received(intentID, "2026-09-01T10:00:05Z"),
		},
		"2026-both-shapes": { // an old source, beside the details of the charged method
			event:    charged(intentID, "", "2026-09-01", mastercard()),
			customer: received(intentID, "2026-09-01T10:00:05Z"),
		},
	})
}
