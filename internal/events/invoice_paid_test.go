package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoicePaid(t *testing.T) {
	paid := func(amount int64, when string) func(*v1alpha1.Invoice) {
		return func(i *v1alpha1.Invoice) {
			i.Status, i.AmountDue, i.AmountPaid, i.AmountRemaining, i.AttemptCount = "paid", amount, amount, 0, 1
			if when != "" {
				i.PaidAt = at(when)
			}
		}
	}
	testType(t, "invoice.paid", showsInvoice, map[string]eventCase{
		"2017-flag": { // only the event's time shows when it was paid
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID,
				Invoice: &v1alpha1.InvoiceRecord{Invoice: openInvoice("2017", paid(1900, ""))},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2017-11-01"), LastPaidAt: at("2017-10-01T11:01:02Z")},
		},
		"2022-trial": { // an invoice over 0 covers the trial
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2022", paid(0, "2022-10-01"), func(i *v1alpha1.Invoice) {
						i.BillingReason, i.PeriodEnd, i.AttemptCount = "subscription_create", at("2022-10-15"), 0
					}),
					Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2022-10-15"), LastPaidAt: at("2022-10-01")},
		},
		"2023-prorated": { // prorations of the last month extend no service
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, ChargeID: chargeID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2023", paid(2100, "2023-10-01T11:01:00Z")), Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2023-11-01"), LastPaidAt: at("2023-10-01T11:01:00Z")},
		},
		"2023-access-by-price": { // a one-time price on an invoice without a subscription
			event: projection.Event{
				CustomerID: customerID, ChargeID: chargeID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2023", paid(2100, "2023-10-01T11:01:00Z"), func(i *v1alpha1.Invoice) {
						i.BillingReason, i.PeriodStart, i.PeriodEnd = "manual", nil, nil
					}),
					Email: "ada@example.com", Name: "Ada Kite", PriceMetadata: map[string]v1alpha1.Value{"access": "1y", "seats": "9"},
				},
			},
			customer: v1alpha1.CustomerStatus{Purchases: []v1alpha1.Purchase{{
				ID: intentID, PaymentIntentID: intentID, ChargeID: chargeID, InvoiceID: invoiceID, BoughtAt: *at("2023-10-01"),
				State: v1alpha1.CheckoutPaid, PaidAt: at("2023-10-01T11:01:02Z"), PricesRead: true, Terms: []v1alpha1.PurchaseTerms{{
					Source: "Price", Metadata: map[string]v1alpha1.Value{"access": "1y", "seats": "9"},
					Created: *at("2023-10-01T11:01:02Z"), EventID: "evt_1TollInvoicePaid05",
				}},
			}}},
		},
		"2026-parent": { // a monthly and a yearly price: the later end counts
			event: projection.Event{
				CustomerID: customerID, SubscriptionID: subscriptionID, PaymentIntentID: intentID,
				Invoice: &v1alpha1.InvoiceRecord{
					Invoice: openInvoice("2026", paid(11100, "2026-10-01T11:01:00Z"), func(i *v1alpha1.Invoice) {
						i.PeriodEnd = at("2027-10-02")
					}),
					Email: "ada@example.com", Name: "Ada Kite",
				},
			},
			subscription: v1alpha1.SubscriptionStatus{PaidThrough: at("2027-10-02"), LastPaidAt: at("2026-10-01T11:01:00Z")},
		},
	})
}
