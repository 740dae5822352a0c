package situations

import . "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives

// oldCharges are rows about purchases by a charge without a payment intent, as old integrations make them.
func oldCharges() []Situation {
	charges := func(l *Life, id string, fields ...Fields) {
		l.add("charge.succeeded", Charge(l.Shape, id, CustomerID, "", "succeeded", l.now), append(fields, Fields{"payment_intent": nil})...)
	}
	buys := func(then func(*Life)) func(*Life) {
		return func(l *Life) {
			l.signsUp()
			charges(l, "ch_1", access("30d"))
			charges(l, "ch_mug")
			l.on(10)
			then(l)
		}
	}
	return []Situation{
		{
			Name: "The customer buys 30 days by a charge without a payment intent.", Life: buys(func(*Life) {}),
			Asked: 5 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "That charge is refunded in full.", Life: buys(func(l *Life) { l.refunds("ch_1") }),
			Asked: 11 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 10."),
		}, {
			Name: "That charge is disputed.", Flags: onDispute,
			Life:  buys(func(l *Life) { l.disputes("dp_1", "ch_1", Fields{"payment_intent": nil}) }),
			Asked: 11 * Day,
			Want:  no("Disputed", "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."),
		}, {
			Name: "Another charge without a payment intent is disputed.", Flags: onDispute,
			Life:  buys(func(l *Life) { l.disputes("dp_1", "ch_mug", Fields{"payment_intent": nil}) }),
			Asked: 11 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		},
	}
}

// oddPurchases are rows about purchases beside other things that are not known, refunded or disputed.
func oddPurchases() []Situation {
	const notKnownWithoutKey = "Not all of the customer's subscriptions are known yet. Access stays as it is until an event reports one."
	const disputed = "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."
	return []Situation{
		{
			Name: "The purchase of an old customer is disputed. Without a key, what is known decides.", Flags: onDispute,
			Life:  func(l *Life) { l.buys("cs_1", "30d"); l.on(10); l.disputes("dp_1", "ch_cs_1") },
			Asked: 11 * Day, Want: no("Disputed", disputed),
		}, {
			Name:  "The purchase of an old customer is refunded. Without a key, what is known decides.",
			Life:  func(l *Life) { l.buys("cs_1", "30d"); l.on(10); l.refunds("ch_cs_1") },
			Asked: 11 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 10."),
		}, {
			Name:  "An old customer buys 30 days by a bank debit, which is not paid yet. Nothing shows that it has no subscription.",
			Life:  func(l *Life) { l.completes("cs_1", "pi_1", "30d", Fields{"payment_status": "unpaid"}) },
			Asked: Day, Want: notKnown(notKnownWithoutKey),
		}, {
			Name: "The purchase is disputed. The trial is over, and Stripe has not reported what follows.", Flags: onDispute,
			Life:  func(l *Life) { startsTrial(l); l.buys("cs_1", "30d"); l.on(10); l.disputes("dp_1", "ch_cs_1") },
			Asked: 15 * Day, Want: notKnown(trialIsOver),
		}, {
			Name: "Thirty days were bought twice, and the first payment is disputed. The second 30 days begin on day 30.", Flags: onDispute,
			Life:  buysOn(0, "30d", func(l *Life) { l.on(5); l.buys("cs_2", "30d"); l.on(10); l.disputes("dp_1", "ch_cs_1") }),
			Asked: 11 * Day, Want: no("Disputed", disputed),
		}, {
			Name: "Thirty days were bought twice, and the second payment is disputed.", Flags: onDispute,
			Life:  buysOn(0, "30d", func(l *Life) { l.on(5); l.buys("cs_2", "30d"); l.on(10); l.disputes("dp_1", "ch_cs_2") }),
			Asked: 11 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "Thirty days are over, and the customer buys 30 days again by a bank debit, which is not paid yet.",
			Life: buysOn(0, "30d", func(l *Life) {
				l.on(31)
				l.completes("cs_2", "pi_2", "30d", Fields{"payment_status": "unpaid"})
			}),
			Asked: 32 * Day, Want: no("AwaitingPayment", "The purchase waits for its payment. Access starts once it succeeds."),
		}, {
			Name: "The purchase is refunded in full. The refund of another payment fails at the bank.",
			Life: buysOn(0, "30d", func(l *Life) {
				l.charges("ch_mug", "", 900)
				l.on(10)
				l.refunds("ch_cs_1")
				l.on(11)
				l.add("refund.updated", Refund("re_1", "ch_mug", "pi_ch_mug", "failed", 900, l.now))
			}),
			Asked: 12 * Day, Want: no("NoSubscription", "The customer has no subscription, and its purchase was refunded in full on day 10."),
		}, {
			Name: "The metadata of a payment intent was corrected, and is read again on day 6.", HasKey: true,
			Life: func(l *Life) {
				l.signsUp()
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now), access("30"))
				l.on(6)
				l.reads("pi_1", access("30d"))
			},
			Asked: 7 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The metadata of a checkout grants access, and the checkout starts a subscription: that decides.",
			Life: func(l *Life) {
				startsUnpaid(l)
				l.add("checkout.session.completed", Checkout("cs_1", CustomerID, subA, "ada@example.com", l.now), access("lifetime"))
			},
			Asked: Day, Want: no("AwaitingPayment", waitsForFirst),
		},
	}
}
