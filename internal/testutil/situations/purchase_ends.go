package situations

import . "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives

func refundedPurchases() []Situation {
	fails := func(l *Life) {
		l.on(11)
		l.add("", Refund("re_1", "ch_cs_1", "pi_ch_cs_1", "pending", Amount, l.now))
		l.change("refund.updated", "re_1", Fields{"status": "failed"})
	}
	refundsIt := func(l *Life) { l.on(10); l.refunds("ch_cs_1") }
	return []Situation{
		{
			Name: "The purchase is refunded in full.", Life: buysOn(0, "30d", refundsIt),
			Asked: 11 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 10."),
		}, {
			Name: "The purchase is refunded in part.",
			Life: buysOn(0, "30d", func(l *Life) {
				l.on(10)
				l.change("charge.refunded", "ch_cs_1", Fields{"amount_refunded": 900})
			}),
			Asked: 11 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The purchase is refunded in full, and the refund fails at the bank.", Life: buysOn(0, "30d", refundsIt, fails),
			Asked: 12 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "A refund of the purchase fails, and the next one succeeds.",
			Life: buysOn(0, "30d", refundsIt, fails, func(l *Life) {
				l.on(12)
				l.change("charge.updated", "ch_cs_1", Fields{"amount_refunded": 0, "refunded": false})
				l.on(13)
				l.refunds("ch_cs_1")
			}),
			Asked: 14 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 13."),
		}, {
			Name: "The same, and the refund that failed is reported once more, with other metadata.",
			Life: buysOn(0, "lifetime", refundsIt, fails, func(l *Life) {
				l.on(12)
				l.change("charge.updated", "ch_cs_1", Fields{"amount_refunded": 0, "refunded": false})
				l.on(13)
				l.refunds("ch_cs_1")
				l.on(15)
				l.change("refund.updated", "re_1", Fields{"metadata": Fields{"note": "x"}})
			}),
			Asked: 16 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 13."),
		}, {
			Name: "A refund of the purchase fails, and the next one is made in the same second.",
			Life: buysOn(0, "lifetime", refundsIt, func(l *Life) {
				l.add("", Refund("re_1", "ch_cs_1", "pi_ch_cs_1", "pending", Amount, l.now))
				l.on(11)
				l.change("refund.failed", "re_1", Fields{"status": "failed"})
				l.change("charge.updated", "ch_cs_1", Fields{"amount_refunded": 0, "refunded": false})
				l.refunds("ch_cs_1")
			}),
			Asked: 12 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 11."),
		}, {
			Name: "A refund of the purchase fails, and the event of the next one is lost. A comparison on day 14 finds it.", HasKey: true,
			Life:  buysOn(0, "lifetime", refundsIt, fails, func(l *Life) { l.on(14); l.reads("ch_cs_1") }),
			Asked: 15 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 14."),
		}, {
			Name: "Another payment of the customer is refunded in full.",
			Life: buysOn(0, "30d", func(l *Life) {
				l.charges("ch_mug", "", 900)
				l.refunds("ch_mug")
			}),
			Asked: 12 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "A former subscription is active no more, and the purchase is refunded.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.ends(subA)
				l.buys("cs_1", "30d")
				l.on(10)
				l.refunds("ch_cs_1")
			},
			Asked: 12 * Day, Want: no("SubscriptionEnded", canceled+"day 0."),
		},
	}
}

func disputedPurchases() []Situation {
	const (
		disputed = "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."
		lost     = "A payment was disputed on day 10 and the dispute was lost. Access resumes with the next payment."
	)
	opens := func(fields ...Fields) func(*Life) {
		return func(l *Life) {
			l.on(10)
			l.disputes("dp_1", "ch_cs_1", fields...)
		}
	}
	closes := func(status string) func(*Life) {
		return func(l *Life) {
			l.on(20)
			l.change("charge.dispute.closed", "dp_1", Fields{"status": status})
		}
	}
	return []Situation{
		{
			Name: "The payment of the purchase is disputed.", Life: buysOn(0, "30d", opens()),
			Asked: 11 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The payment of the purchase is disputed.", Life: buysOn(0, "30d", opens()), Flags: onDispute,
			Asked: 11 * Day, Want: no("Disputed", disputed),
		}, {
			Name: "The same, and the dispute is won.", Life: buysOn(0, "30d", opens(), closes("won")), Flags: onDispute,
			Asked: 21 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The same, and the dispute is lost.", Life: buysOn(0, "30d", opens(), closes("lost")), Flags: onDispute,
			Asked: 21 * Day, Want: no("Disputed", lost),
		}, {
			Name: "The bank inquires about the purchase. No money has moved.", Flags: onDispute,
			Life:  buysOn(0, "30d", opens(Fields{"status": "warning_needs_response"})),
			Asked: 11 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The payment of the purchase is disputed, after the 30 days.", Flags: onDispute,
			Life:  buysOn(0, "30d", func(l *Life) { l.on(40); l.disputes("dp_1", "ch_cs_1") }),
			Asked: 41 * Day, Want: no("NoSubscription", boughtEnded+"day 30."),
		}, {
			Name: "The payment of one of two purchases is disputed. The other one does not end.", Flags: onDispute,
			Life:  buysOn(0, "30d", func(l *Life) { l.on(5); l.buys("cs_2", "lifetime") }, opens()),
			Asked: 11 * Day, Want: yes("Purchased", boughtForLife),
		}, {
			Name: "The payment of the purchase is disputed, and the subscription is active.", Flags: onDispute,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.buys("cs_1", "30d")
				opens()(l)
			},
			Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The payment of the subscription is disputed, and 30 days were bought.", Flags: onDispute,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.buys("cs_1", "30d")
				l.on(10)
				l.disputes("dp_1", "ch_1")
			},
			Asked: 11 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 35.").until(35 * Day),
		}, {
			Name: "The payment of the purchase is disputed, and the subscription was canceled.", Flags: onDispute,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.ends(subA)
				l.buys("cs_1", "30d")
				opens()(l)
			},
			Asked: 11 * Day, Want: no("Disputed", disputed),
		},
	}
}
