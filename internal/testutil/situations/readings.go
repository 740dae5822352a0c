package situations

import . "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives

func readings() Group {
	const refutedOn6 = canceled + "day 6."
	endsFalsely := func(l *Life) { // an event says so, and Stripe does not
		before := l.objects[subA]
		l.on(5)
		l.ends(subA)
		l.objects[subA] = before
	}
	return Group{
		Name: "Comparisons with Stripe",
		Intro: "With a Stripe key, what the events say is compared with what Stripe has. Events may be lost, and a client that has the " +
			"endpoint's secret may forge some. Stripe's answer wins over all events from before it.",
		Situations: []Situation{
			{
				Name: "An event of the subscription's end was forged. Stripe, read on day 6, has it active.", HasKey: true,
				Life:  func(l *Life) { l.subscribesAndPays(); endsFalsely(l); l.on(6); l.reads(subA) },
				Asked: 7 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The same, and the forged event arrives again, with an earlier date.", HasKey: true,
				Life: func(l *Life) {
					l.subscribesAndPays()
					endsFalsely(l)
					l.on(6)
					l.reads(subA)
					l.isDelayed()
					l.on(4)
					l.ends(subA)
				},
				Asked: 7 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The same, and the subscription ends on day 8.", HasKey: true,
				Life: func(l *Life) {
					l.subscribesAndPays()
					endsFalsely(l)
					l.on(6)
					l.reads(subA)
					l.isDelayed()
					l.on(8)
					l.ends(subA)
				},
				Asked: 9 * Day, Want: no("SubscriptionEnded", canceled+"day 8."),
			}, {
				Name: "A subscription was forged, which Stripe, asked on day 6, does not know.", HasKey: true,
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.on(6)
					l.isAbsent(subA)
				},
				Asked: 7 * Day, Want: no("SubscriptionEnded", refutedOn6),
			}, {
				Name: "The same, and another forged event of it arrives later, with an earlier date.", HasKey: true,
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.on(6)
					l.isAbsent(subA)
					l.isDelayed()
					l.on(5)
					l.becomes(subA, "active", Fields{"default_payment_method": "pm_2"})
				},
				Asked: 7 * Day, Want: no("SubscriptionEnded", refutedOn6),
			}, {
				Name: "The event of the subscription's end is lost. A comparison finds it.", HasKey: true,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(6)
					l.reads(subA, Fields{"status": "canceled", "canceled_at": unix(5), "ended_at": unix(5)})
				},
				Asked: 7 * Day, Want: no("SubscriptionEnded", canceled+"day 5."),
			}, {
				Name: "The subscription is read while it is past due, and is active again on day 33.", HasKey: true,
				Life: func(l *Life) {
					l.renewsAfterSignUp()
					l.on(32)
					l.reads(subA, Fields{"status": "past_due"})
					l.isDelayed()
					l.on(33)
					l.becomes(subA, "active")
				},
				Asked: 50 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A payment was forged after grace. Stripe, read on day 41, has the subscription past due still.", HasKey: true,
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.pays("in_2", "ch_2")
					l.on(41)
					l.reads(subA)
					l.isDelayed()
					l.on(40, 1)
					l.report("invoice.paid", "in_2", nil)
				},
				Asked: 42 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The trial is over. A payment was forged, and Stripe, read on day 16, still has the trial.", HasKey: true,
				Life: func(l *Life) {
					convertsLate(l)
					l.on(16)
					l.reads(subA)
				},
				Asked: 17 * Day, Want: notKnown(trialIsOver),
			}, {
				Name: "A dispute was forged, which Stripe does not know.", HasKey: true, Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.disputes("dp_1", "ch_1")
					l.on(6)
					l.isAbsent("dp_1")
				},
				Asked: 7 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The event that a dispute is won is lost. A comparison finds it.", HasKey: true, Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.disputes("dp_1", "ch_1")
					l.on(20)
					l.reads("dp_1", Fields{"status": "won"})
				},
				Asked: 21 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The event of a dispute is lost. A comparison finds it.", HasKey: true, Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.add("", Dispute("dp_1", "ch_1", "pi_ch_1", l.now, l.now.Add(9*Day)))
					l.on(6)
					l.reads("dp_1")
				},
				Asked: 7 * Day,
				Want:  no("Disputed", "A payment was disputed on day 5. Access is suspended until the dispute is won or withdrawn."),
			}, {
				Name: "A refund was forged. Stripe, read on day 12, has nothing refunded on the charge.", HasKey: true, Flags: onRefund,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.refunds("ch_1")
					l.on(12)
					l.reads("ch_1", Fields{"amount_refunded": 0, "refunded": false})
				},
				Asked: 13 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A purchase was refunded by a forged event. Stripe has nothing refunded on the charge.", HasKey: true,
				Life: buysOn(0, "30d", func(l *Life) {
					l.on(10)
					l.refunds("ch_cs_1")
					l.on(12)
					l.reads("ch_cs_1", Fields{"amount_refunded": 0, "refunded": false})
				}),
				Asked: 13 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
			}, {
				Name: "The customer is named by its account alone (Accounts v2), and the subscription is active.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", Fields{"customer": nil, "customer_account": "acct_A"})
				},
				Asked: Day, Want: yes("SubscriptionActive", isActive),
			},
		},
	}
}
