package situations

func several() Group {
	return Group{
		Name:  "Several subscriptions",
		Intro: "One subscription that entitles is enough. The best one decides, and then the newest.",
		Situations: []Situation{
			{
				Name: "One subscription has ended, and another one is active.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.ends(subA)
					l.subscribes(subB, "active")
				},
				Asked: 6 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "One is in its trial, and another one is past due.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.subscribes(subB, "trialing")
				},
				Asked: 31 * Day, Want: yes("Trialing", "The subscription is in its trial, which ends on day 44.").until(0),
			}, {
				Name: "One is past due, in grace, and another one has ended.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.subscribes(subB, "active")
					l.ends(subB)
				},
				Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
			}, {
				Name: "One waits for its first payment, and another one has ended.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.ends(subA)
					l.subscribes(subB, "incomplete")
				},
				Asked: 5 * Day, Want: no("AwaitingPayment", waitsForFirst),
			}, {
				Name: "The grace of one is over, another one is paused, and a third has ended.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.subscribes(subB, "paused", pausedBy("pause_requested"))
					l.subscribes("sub_C", "active")
					l.ends("sub_C")
				},
				Asked: 38 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "One ends on day 20, and another one on day 30.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", Fields{"cancel_at": unix(20)})
					l.subscribes(subB, "active", Fields{"cancel_at": unix(30)})
				},
				Asked: 21 * Day, Want: yes("SubscriptionActive", endsOn30).until(30 * Day),
			}, {
				Name: "The trial of one is over, and Stripe has not reported what follows. The grace of another one is over.",
				Life: func(l *Life) {
					startsTrial(l)
					l.subscribes(subB, "active")
					l.on(5)
					l.becomes(subB, "past_due")
				},
				Asked: 20 * Day, Want: notKnown(trialIsOver),
			},
		},
	}
}
