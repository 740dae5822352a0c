package situations

func ends() Group {
	schedule := func(fields Fields) func(*Life) {
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(5)
			l.change("customer.subscription.updated", subA, fields)
		}
	}
	atPeriodEnd := schedule(Fields{"cancel_at_period_end": true, "canceled_at": unix(5)})
	return Group{
		Name: "Cancellations",
		Situations: []Situation{
			{
				Name: "The customer cancels at the end of the period.", Life: atPeriodEnd,
				Asked: 6 * Day, Want: yes("SubscriptionActive", endsOn30).until(30 * Day),
			}, {
				Name: "The same, and the period is over. Stripe's event is late.", Life: atPeriodEnd,
				Asked: 30 * Day, Want: no("SubscriptionEnded", endedOn30),
			}, {
				Name: "The customer cancels for a day, through the portal.", Life: schedule(Fields{"cancel_at": unix(30)}),
				Asked: 6 * Day, Want: yes("SubscriptionActive", endsOn30).until(30 * Day),
			}, {
				Name: "The customer cancels for a day, and that day is over.", Life: schedule(Fields{"cancel_at": unix(20)}),
				Asked: 21 * Day, Want: no("SubscriptionEnded", "The subscription ended on day 20, as scheduled."),
			}, {
				Name: "The customer cancels, and thinks better of it.",
				Life: func(l *Life) {
					atPeriodEnd(l)
					l.on(6)
					l.change("customer.subscription.updated", subA, Fields{"cancel_at_period_end": false, "canceled_at": nil})
				},
				Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The subscription is canceled at once.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.ends(subA)
				},
				Asked: 6 * Day, Want: no("SubscriptionEnded", canceled+"day 5."),
			}, {
				Name: "The subscription is canceled. An older event, of its renewal, arrives after that.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.renews()
					l.on(31)
					l.ends(subA)
				},
				Asked: 32 * Day, Want: no("SubscriptionEnded", canceled+"day 31."),
			}, {
				Name: "The subscription is canceled. An event of the next day still has it active.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.ends(subA)
					l.on(6)
					l.change("customer.subscription.updated", subA, Fields{"status": "active"})
				},
				Asked: 7 * Day, Want: no("SubscriptionEnded", canceled+"day 5."),
			}, {
				Name: "The subscription has ended, and an open invoice of it is paid.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(51)
					l.ends(subA)
					l.on(52)
					l.pays("in_2", "ch_2")
				},
				Asked: 53 * Day, Want: no("SubscriptionEnded", canceled+"day 51."),
			},
		},
	}
}
