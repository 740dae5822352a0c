package situations

import (
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// paysOutside is an active subscription whose invoice of 29.00 is paid outside of Stripe: no event names its payment.
func paysOutside(l *Life) {
	l.signsUp()
	l.subscribes(subA, "active")
	l.bills("in_1", subA)
	l.on(0, time.Hour)
	l.change("invoice.paid", "in_1", l.paid(2900), Fields{"paid_out_of_band": true})
}

// unlinkedRefunds are rows about refunds of payments that no event links to an invoice.
func unlinkedRefunds() []Situation {
	const refunded = "The last payment was refunded in full on day 10. Access resumes with the next payment."
	buys := func(at time.Duration, amount int, fields ...Fields) func(*Life) {
		return func(l *Life) {
			paysOutside(l)
			l.now = Begin.Add(at)
			l.charges("ch_mug", "", amount)
			for _, f := range fields {
				l.change("charge.updated", "ch_mug", f)
			}
			l.on(10)
			l.refunds("ch_mug")
		}
	}
	noInvoice := func(refunded string) func(*Life) {
		return func(l *Life) {
			l.signsUp()
			l.subscribes(subA, "active")
			l.on(1)
			l.charges("ch_1", "", 2900)
			l.on(2)
			l.charges("ch_2", "", 2900)
			l.on(10)
			l.refunds(refunded)
		}
	}
	return []Situation{
		{
			Name: "No event names the payment of the invoice. A payment of its amount, of the same moment, is refunded.", Flags: onRefund,
			Life: buys(time.Hour, 2900), Asked: 12 * Day, Want: no("AwaitingPayment", refunded),
		}, {
			Name: "The same, and the payment was of another amount.", Flags: onRefund,
			Life: buys(time.Hour, 900), Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The same, and the payment was in another currency.", Flags: onRefund,
			Life: func(l *Life) {
				paysOutside(l)
				l.add("charge.succeeded", Charge(l.Shape, "ch_mug", CustomerID, "pi_ch_mug", "succeeded", l.now), Fields{"currency": "eur"})
				l.on(10)
				l.refunds("ch_mug")
			},
			Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The same, and the payment was made ten minutes before.", Flags: onRefund,
			Life: buys(50*time.Minute, 2900), Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The same, and the payment was made a minute later.", Flags: onRefund,
			Life: buys(61*time.Minute, 2900), Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The same, and the payment was only authorized: the authorization is released.", Flags: onRefund,
			Life: func(l *Life) {
				paysOutside(l)
				l.add("charge.succeeded", Charge(l.Shape, "ch_mug", CustomerID, "pi_ch_mug", "succeeded", l.now), Fields{"captured": false})
				l.on(10)
				l.refunds("ch_mug")
			},
			Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "No invoice is known. The last payment is refunded.", Flags: onRefund,
			Life: noInvoice("ch_2"), Asked: 12 * Day, Want: no("AwaitingPayment", refunded),
		}, {
			Name: "No invoice is known. A payment is refunded that another one has followed.", Flags: onRefund,
			Life: noInvoice("ch_1"), Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "No invoice is known. The last payment bought a mug in a checkout, and is refunded.", Flags: onRefund,
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.on(5)
				l.buys("cs_1", "")
				l.on(10)
				l.refunds("ch_cs_1")
			},
			Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The same, and the checkout made an invoice for the mug.", Flags: onRefund,
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.on(5)
				l.buys("cs_1", "", Fields{"invoice": "in_mug"})
				l.add("invoice_payment.paid", InvoicePayment("inpay_1", "in_mug", "pi_ch_cs_1", Amount, l.now))
				l.on(10)
				l.refunds("ch_cs_1")
			},
			Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name:  "No invoice is known. The metadata of the last payment grants 30 days, it is known to have paid an invoice, and is refunded.",
			Flags: onRefund,
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.on(5)
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now), access("30d"))
				l.add("invoice_payment.paid", InvoicePayment("inpay_1", "in_1", "pi_1", Amount, l.now))
				l.add("", Charge(l.Shape, "ch_1", CustomerID, "pi_1", "succeeded", l.now))
				l.on(10)
				l.refunds("ch_1")
			},
			Asked: 12 * Day, Want: no("AwaitingPayment", refunded),
		}, {
			Name: "The payment is refunded, and the subscription is canceled.", Flags: onRefund,
			Life:  func(l *Life) { l.subscribesAndPays(); l.on(10); l.refunds("ch_1"); l.ends(subA) },
			Asked: 12 * Day, Want: no("SubscriptionEnded", canceled+"day 10."),
		}, {
			Name: "The payment is refunded, and the subscription is given a trial instead.", Flags: onRefund,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(7)
				l.refunds("ch_1")
				l.becomes(subA, "trialing", Fields{"trial_start": unix(7), "trial_end": unix(14)})
			},
			Asked: 8 * Day, Want: yes("Trialing", inTrial),
		}, {
			Name: "Two payments share the invoice. One of them is refunded on day 10, and the other one on day 12.", Flags: onRefund,
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.bills("in_1", subA)
				l.charges("ch_1", "in_1", 900)
				l.charges("ch_2", "in_1", 2000)
				l.add("invoice_payment.paid", InvoicePayment("inpay_1", "in_1", "pi_ch_1", 900, l.now))
				l.add("invoice_payment.paid", InvoicePayment("inpay_2", "in_1", "pi_ch_2", 2000, l.now))
				l.change("invoice.paid", "in_1", l.paid(2900))
				l.on(10)
				l.refunds("ch_1")
				l.on(12)
				l.refunds("ch_2")
			},
			Asked: 13 * Day,
			Want:  no("AwaitingPayment", "The last payment was refunded in full on day 12. Access resumes with the next payment."),
		},
	}
}

// unlinkedDisputes are rows about disputes of payments that no event links to an invoice.
func unlinkedDisputes() []Situation {
	disputesMug := func(amount int, fields ...Fields) func(*Life) {
		return func(l *Life) {
			paysOutside(l)
			l.add("charge.succeeded", Charge(l.Shape, "ch_mug", CustomerID, "pi_ch_mug", "succeeded", l.now).With("amount", amount), fields...)
			l.on(10)
			l.disputes("dp_1", "ch_mug")
		}
	}
	return []Situation{
		{
			Name: "No event names the payment of the invoice. A payment of its amount, of the same moment, is disputed.", Flags: onDispute,
			Life: disputesMug(2900), Asked: 11 * Day,
			Want: no("Disputed", "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."),
		}, {
			Name: "The same, and the payment was of another amount.", Flags: onDispute,
			Life: disputesMug(900), Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The same, and the payment was in another currency.", Flags: onDispute,
			Life: disputesMug(2900, Fields{"currency": "eur"}), Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		},
	}
}
