package situations

// lateInvoices are rows about what a paid invoice pays for, and when.
func lateInvoices() []Situation {
	paysLines := func(list ...Fields) func(*Life) {
		return func(l *Life) {
			l.failsToRenew()
			l.on(40)
			l.change("", "in_2", lines(list...))
			l.pays("in_2", "ch_2")
		}
	}
	return []Situation{
		{
			Name:  "The renewal is paid late. Its lines name no subscription, as those of 2017.",
			Life:  func(l *Life) { paysLines(l.line("", 2900, 30, 60, false))(l) },
			Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
		}, {
			Name:  "The renewal is paid late. It bills one price for half of the month, and another for all of it.",
			Life:  func(l *Life) { paysLines(l.line(subA, 900, 30, 45, false), l.line(subA, 2900, 30, 60, false))(l) },
			Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
		}, {
			Name: "The renewal is paid late, and the event does not say when.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.on(40)
				l.change("invoice.paid", "in_2", l.paid(2900), Fields{"status_transitions": nil})
			},
			Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
		}, {
			Name: "The renewal is paid late, and the invoice of the month before is paid after it.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.bills("in_1", subA)
				l.failsToRenewAgain()
				l.on(40)
				l.pays("in_2", "ch_2")
				l.on(41)
				l.pays("in_1", "ch_1")
			},
			Asked: 42 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
		}, {
			Name: "The renewal is paid late, and the subscription is scheduled to end on day 50.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(50)})
				l.on(40)
				l.pays("in_2", "ch_2")
			},
			Asked: 41 * Day,
			Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 50.").until(50 * Day),
		}, {
			Name:  "The first payment succeeds, and the subscription is scheduled to end on day 20. Stripe's events about it are late.",
			Life:  paysWithScheduledEnd,
			Asked: 19 * Day,
			Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 20.").until(20 * Day),
		}, {
			Name: "The same, on day 20.", Life: paysWithScheduledEnd,
			Asked: 20 * Day, Want: no("SubscriptionEnded", "The subscription ended on day 20, as scheduled."),
		}, {
			Name: "A year is paid. The payment of a month's usage fails, and succeeds on day 40. The event about the subscription is late.",
			Life: func(l *Life) {
				l.paysYear()
				l.on(30)
				l.bills("in_2", subA, lines(l.line(subA, 500, 0, 30, false)))
				l.paysLate("in_2", 40)
			},
			Asked: 41 * Day,
			Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 365.").until(365 * Day),
		}, {
			Name: "Only usage is billed. Its payment fails, and succeeds on day 40. The event about the subscription is late.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribesToUsage("active")
				l.on(30)
				l.billsUsage("in_2", 0, 30)
				l.paysLate("in_2", 40)
			},
			Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
		}, {
			Name: "The same, after a trial until day 14. Its invoice was over 0.",
			Life: func(l *Life) {
				l.triesUsage()
				l.on(44)
				l.billsUsage("in_2", 14, 44)
				l.paysLate("in_2", 54)
			},
			Asked: 55 * Day,
			Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 74.").until(74 * Day),
		}, {
			Name: "A month and its usage are billed apart. The month's payment fails, and only the usage is paid, on day 40.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.on(40)
				l.bills("in_3", subA, lines(l.line(subA, 500, 0, 30, false)))
				l.pays("in_3", "ch_3")
			},
			Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
		}, {
			Name: "An invoice that was paid on day 0 is changed on day 20. The subscription is past due since day 5.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.becomes(subA, "past_due")
				l.on(20)
				l.change("invoice.updated", "in_1", Fields{"metadata": Fields{"note": "x"}})
			},
			Asked: 21 * Day,
			Want:  no("PaymentFailed", "A payment failed on day 5 and the grace period ended on day 12. Access resumes once it is paid."),
		}, {
			Name: "A paid year is open. The payments of a newer invoice failed, and it is marked uncollectible. The year is paid on day 50.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.bills("in_1", subA, lines(l.line(subA, 29000, 0, 365, false)))
				l.failsToRenewAgain()
				l.change("invoice.updated", "in_2", Fields{"status": "uncollectible"})
				l.on(50)
				l.pays("in_1", "ch_1")
			},
			Asked: 51 * Day, Want: no("PaymentFailed", graceIsOver),
		}, {
			Name: "A line of another subscription's invoice bills the one that is past due. That invoice is open.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.subscribes("sub_old", "active")
				l.ends("sub_old")
				l.on(40)
				l.bills("in_3", "sub_old", lines(l.line("sub_old", 100, 40, 70, false), l.line(subA, 2900, 40, 60, false)))
				l.change("invoice.voided", "in_2", Fields{"status": "void"})
			},
			Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
		},
	}
}

// paysWithScheduledEnd is a first payment of a subscription that is scheduled to end on day 20.
func paysWithScheduledEnd(l *Life) {
	l.signsUp()
	l.subscribes(subA, "incomplete", Fields{"cancel_at": unix(20)})
	l.bills("in_1", subA)
	l.pays("in_1", "ch_1")
}

// graceEdges are rows about the end of grace, and about a payment that must be authorized.
func graceEdges() []Situation {
	return []Situation{
		{
			Name: "The renewal fails, and the subscription is scheduled to end after grace does.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.becomes(subA, "past_due", Fields{"cancel_at": unix(50)})
			},
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The customer must authorize the renewal, and on day 33 its second attempt.",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.asksToAuthorize("in_2", 1)
				l.becomes(subA, "past_due")
				l.on(33)
				l.asksToAuthorize("in_2", 2)
			},
			Asked: 34 * Day, Want: yes("GracePeriod", authorizeInGrace).until(37 * Day),
		}, {
			Name: "Past due on day 0, and recovered. A comparison on day 35 finds it past due, and the customer changes the card on day 38.",
			Life: func(l *Life) {
				recovers(l)
				l.on(35)
				l.reads(subA, Fields{"status": "past_due"})
				l.isDelayed()
				l.on(38)
				l.change("customer.subscription.updated", subA, Fields{"default_payment_method": "pm_2"})
			},
			HasKey: true, Asked: 39 * Day, Want: yes("GracePeriod", graceFrom35).until(42 * Day),
		}, {
			Name: "The first thing that is heard of the subscription, on day 35, is that it is paused after its first failed payment.",
			Life: func(l *Life) {
				l.subscribes(subA, "paused", pausedBy("first_payment_failure"))
				l.Events = nil
				l.on(35)
				l.change("customer.subscription.updated", subA, Fields{"metadata": Fields{"a": "b"}})
				l.on(38)
				l.change("customer.subscription.updated", subA, Fields{"metadata": Fields{"a": "c"}})
			},
			Asked: 39 * Day, Want: yes("GracePeriod", graceFrom35).until(42 * Day),
		},
	}
}
