package situations

import (
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

var onRefund = []string{"--on-refund=Suspend"}

func refunds() Group {
	const refunded = "The last payment was refunded in full on day 10. Access resumes with the next payment."
	refund := func(charge string, before, after func(*Life)) func(*Life) {
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(5)
			before(l)
			l.on(10)
			l.refunds(charge)
			after(l)
		}
	}
	nothing := func(*Life) {}
	buysMug := func(l *Life) { l.charges("ch_mug", "", 2900) }
	refundFails := func(status string) func(*Life) {
		return func(l *Life) {
			l.on(11)
			l.add("", Refund("re_1", "ch_1", "pi_ch_1", "pending", 2900, l.now))
			l.change("refund.updated", "re_1", Fields{"status": status})
		}
	}
	return Group{
		Name: "Refunds",
		Intro: "By default, a refund of a payment of the subscription is recorded, and changes nothing. With `--on-refund=Suspend`, a full refund of the payment that the " +
			"present period rests on suspends the customer.",
		Situations: []Situation{
			{
				Name: "The payment is refunded.", Life: refund("ch_1", nothing, nothing),
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is refunded.", Life: refund("ch_1", nothing, nothing), Flags: onRefund,
				Asked: 12 * Day, Want: no("AwaitingPayment", refunded),
			}, {
				Name: "A part of the payment is refunded.", Flags: onRefund,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.change("charge.refunded", "ch_1", Fields{"amount_refunded": 900})
				},
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A purchase is refunded that was made later, for the same amount.", Life: refund("ch_mug", buysMug, nothing), Flags: onRefund,
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is refunded. A purchase came between.", Life: refund("ch_1", buysMug, nothing), Flags: onRefund,
				Asked: 12 * Day, Want: no("AwaitingPayment", refunded),
			}, {
				Name: "A payment that was made twice is refunded once.", Flags: onRefund,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(0, 20*time.Second)
					l.charges("ch_twice", "", 2900)
					l.on(10)
					l.refunds("ch_twice")
				},
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is refunded, and the refund fails at the bank.", Life: refund("ch_1", nothing, refundFails("failed")), Flags: onRefund,
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is refunded, and the refund is canceled.", Life: refund("ch_1", nothing, refundFails("canceled")), Flags: onRefund,
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is refunded. The next period is paid.", Flags: onRefund,
				Life: refund("ch_1", nothing, func(l *Life) {
					l.renews()
					l.pays("in_2", "ch_2")
				}),
				Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment of the period before is refunded.", Flags: onRefund,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.renews()
					l.pays("in_2", "ch_2")
					l.on(33)
					l.refunds("ch_1")
				},
				Asked: 34 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A year is paid, and then the usage of a month. The usage is refunded.", Flags: onRefund, Life: refundsOneOfYearAndUsage("ch_2"),
				Asked: 34 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The same, and the year is refunded.", Flags: onRefund, Life: refundsOneOfYearAndUsage("ch_1"),
				Asked: 34 * Day, Want: no("AwaitingPayment", "The last payment was refunded in full on day 33. Access resumes with the next payment."),
			}, {
				Name: "Only usage is billed, after a trial until day 14. That of the first month is paid, and refunded on day 50.", Flags: onRefund,
				Life: func(l *Life) {
					l.triesUsage()
					l.on(44)
					l.billsUsage("in_2", 14, 44)
					l.pays("in_2", "ch_2")
					l.on(50)
					l.refunds("ch_2")
				},
				Asked: 51 * Day, Want: no("AwaitingPayment", "The last payment was refunded in full on day 50. Access resumes with the next payment."),
			}, {
				Name: "A former subscription is refunded. The customer comes back with a trial.", Flags: onRefund,
				Life: refund("ch_1", nothing, func(l *Life) {
					l.ends(subA)
					l.subscribes(subB, "trialing")
				}),
				Asked: 12 * Day, Want: yes("Trialing", "The subscription is in its trial, which ends on day 24."),
			}, {
				Name: "A former subscription is refunded. The customer has a new one, of which no invoice is known.", Flags: onRefund,
				Life: refund("ch_1", nothing, func(l *Life) {
					l.ends(subA)
					l.subscribes(subB, "active")
				}),
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A purchase is refunded that was made with the subscription, for the same amount.", Flags: onRefund,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.charges("ch_mug", "", 2900)
					l.on(10)
					l.refunds("ch_mug")
				},
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "One of two subscriptions is refunded.", Flags: onRefund,
				Life: refund("ch_1", func(l *Life) {
					l.subscribes(subB, "active")
					l.bills("in_2", subB)
					l.pays("in_2", "ch_2")
				}, nothing),
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "Two payments share the invoice, and one of them is refunded.", Flags: onRefund,
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
				},
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			},
		},
	}
}

// refundsOneOfYearAndUsage is a year that is paid by ch_1, and the usage of a month by ch_2, one of which is refunded.
func refundsOneOfYearAndUsage(charge string) func(*Life) {
	return func(l *Life) {
		l.paysYear()
		l.on(30)
		l.bills("in_2", subA, lines(l.line(subA, 500, 0, 30, false)), Fields{"amount_due": 500})
		l.pays("in_2", "ch_2")
		l.on(33)
		l.refunds(charge)
	}
}
