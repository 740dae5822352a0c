package situations

func payments() Group {
	return Group{
		Name:  "Payments after a failure",
		Intro: "The event about the subscription may come later than the payment. What was paid for is served meanwhile.",
		Situations: []Situation{
			{
				Name: "The failed renewal is paid, and the subscription is active again.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.pays("in_2", "ch_2")
					l.becomes(subA, "active")
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The failed renewal is paid after grace. The event about the subscription is late.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.pays("in_2", "ch_2")
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "The open invoice of an unpaid subscription is paid. The event about the subscription is late.",
				Life: func(l *Life) {
					givesUp(l)
					l.on(55)
					l.pays("in_2", "ch_2")
				},
				Asked: 56 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "An invoice seems to be paid after grace. Stripe, read after that, has the subscription past due.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.pays("in_2", "ch_2")
					l.on(41)
					l.reads(subA)
				},
				HasKey: true, Asked: 42 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The failed renewal is paid outside of Stripe, and marked so.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.change("invoice.paid", "in_2", l.paid(0), Fields{"paid_out_of_band": true})
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "A part of the failed renewal is paid.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.charges("ch_2", "in_2", 900)
					l.change("invoice.updated", "in_2", Fields{"amount_paid": 900, "amount_remaining": 2000})
				},
				Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The failed renewal is voided. The subscription stays past due.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.change("invoice.voided", "in_2", Fields{"status": "void"})
				},
				Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The failed renewal is marked uncollectible. The subscription stays past due.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.change("invoice.updated", "in_2", Fields{"status": "uncollectible"})
				},
				Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The customer buys something else after the failed renewal.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.charges("ch_mug", "", 900)
				},
				Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "A paid year is open, and so is a newer invoice whose payments failed. The year is paid on day 50.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.bills("in_1", subA, lines(l.line(subA, 29000, 0, 365, false)))
					l.failsToRenewAgain()
					l.on(50)
					l.pays("in_1", "ch_1")
				},
				Asked: 51 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The same, and the newer invoice was sent and is overdue.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", Fields{"collection_method": "send_invoice"})
					l.bills("in_1", subA, lines(l.line(subA, 29000, 0, 365, false)))
					l.on(20)
					l.bills("in_2", subA, Fields{"due_date": unix(30)})
					l.on(30)
					l.becomes(subA, "past_due")
					l.on(50)
					l.pays("in_1", "ch_1")
				},
				Asked: 51 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The same, and the newer invoice is not due yet.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", Fields{"collection_method": "send_invoice"})
					l.bills("in_1", subA, lines(l.line(subA, 29000, 0, 365, false)))
					l.on(20)
					l.bills("in_2", subA, Fields{"due_date": unix(60)})
					l.on(30)
					l.becomes(subA, "past_due")
					l.on(50)
					l.pays("in_1", "ch_1")
				},
				Asked: 51 * Day,
				Want:  yes("SubscriptionActive", "The subscription is paid for. A newer invoice is due on day 60.").until(60 * Day),
			}, {
				Name: "The renewal is paid late. Its lines also credit a year, until day 365.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.change("", "in_2", lines(l.line(subA, -23000, 30, 365, false), l.line(subA, 26000, 30, 300, true), l.line(subA, 2900, 30, 60, false)))
					l.pays("in_2", "ch_2")
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "The renewal is paid late. It also bills another subscription, until day 365.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.change("", "in_2", lines(l.line(subA, 2900, 30, 60, false), l.line("sub_old", 29000, 30, 365, false)))
					l.subscribes("sub_old", "active")
					l.ends("sub_old")
					l.pays("in_2", "ch_2")
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "A line of another subscription's invoice pays for the one that is past due.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.subscribes("sub_old", "active")
					l.ends("sub_old")
					l.on(40)
					l.bills("in_3", "sub_old", lines(l.line("sub_old", 100, 40, 70, false), l.line(subA, 2900, 40, 60, false)))
					l.pays("in_3", "ch_3")
					l.change("invoice.voided", "in_2", Fields{"status": "void"})
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "The renewal is paid late. Stripe sends ten of its lines, all of them usage of last month.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					usage := l.line(subA, 10, 0, 30, true)
					l.change("", "in_2", Fields{"lines": Fields{"object": "list", "data": []Fields{usage, usage}, "has_more": true}})
					l.pays("in_2", "ch_2")
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "An upgrade is paid while the renewal is open: it bills the rest of the month as a proration.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(40)
					l.bills("in_3", subA, lines(l.line(subA, 1000, 40, 60, true)))
					l.pays("in_3", "ch_3")
				},
				Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
			},
		},
	}
}
