package situations

// reasons are rows about which of several subscriptions gives the reason.
func reasons() []Situation {
	const disputed = "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."
	disputesA := func(l *Life) {
		l.subscribesAndPays()
		l.on(10)
		l.disputes("dp_1", "ch_1")
	}
	return []Situation{
		{
			Name:  "One is active, and another one is in its trial.",
			Life:  func(l *Life) { l.subscribesAndPays(); l.subscribes(subB, "trialing") },
			Asked: 5 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "One is in grace. The trial of another one is over, and Stripe has not reported what follows.",
			Life: func(l *Life) {
				startsTrial(l)
				l.subscribes(subB, "active")
				l.on(12)
				l.becomes(subB, "past_due")
			},
			Asked: 15 * Day, Want: yes("GracePeriod", "A payment failed on day 12. Access ends on day 19 unless it is paid by then."),
		}, {
			Name: "One is disputed. The trial of another one is over, and Stripe has not reported what follows.", Flags: onDispute,
			Life:  func(l *Life) { disputesA(l); l.on(0); l.subscribes(subB, "trialing") },
			Asked: 15 * Day, Want: notKnown(trialIsOver),
		}, {
			Name: "One is disputed, and the grace of another one is over.", Flags: onDispute,
			Life: func(l *Life) {
				disputesA(l)
				l.on(0)
				l.subscribes(subB, "active")
				l.becomes(subB, "past_due")
			},
			Asked: 11 * Day, Want: no("Disputed", disputed),
		}, {
			Name: "One is paused, and another one waits for its first payment.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(10)
				l.becomes(subA, "paused", pausedBy("pause_requested"))
				l.subscribes(subB, "incomplete")
			},
			Asked: 10 * Day, Want: no("Paused", "The subscription was paused on day 10. Access resumes when the subscription does."),
		}, {
			Name: "Both have ended. The newest gives the reason.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(10)
				l.subscribes(subB, "active")
				l.on(12)
				l.ends(subB)
				l.on(13)
				l.ends(subA)
			},
			Asked: 14 * Day, Want: no("SubscriptionEnded", canceled+"day 12."),
		}, {
			Name: "One ends on day 20. Collection of another one is paused until day 40, with behavior `void`.", Flags: atOnce,
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active", Fields{"cancel_at": unix(20)})
				l.subscribes(subB, "active", voids(unix(40)))
			},
			Asked: 5 * Day, Want: yes("SubscriptionActive", "The subscription is active and scheduled to end on day 20.").until(20 * Day),
		},
	}
}

// scheduledEnds are rows about a scheduled end beside other moments, and about ends that Stripe reports in an odd way.
func scheduledEnds() []Situation {
	return []Situation{
		{
			Name: "The customer cancels for day 20, and Stripe also reports the end of the period.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(20), "cancel_at_period_end": true})
			},
			Asked: 5 * Day, Want: yes("SubscriptionActive", "The subscription is active and scheduled to end on day 20.").until(20 * Day),
		}, {
			Name: "The event of the end has the subscription active.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.report("customer.subscription.deleted", subA, nil)
			},
			Asked: 6 * Day, Want: no("SubscriptionEnded", "The subscription was canceled and ended."),
		}, {
			Name: "The first subscription has expired. An event of the next day has it active.",
			Life: func(l *Life) {
				startsUnpaid(l)
				l.on(1)
				l.becomes(subA, "incomplete_expired", Fields{"ended_at": unix(1)})
				l.on(2)
				l.change("customer.subscription.updated", subA, Fields{"status": "active"})
			},
			Asked: 3 * Day, Want: no("SubscriptionEnded", "The subscription expired: its first payment was never made."),
		}, {
			Name: "The subscription is paused on demand, and was scheduled to end on day 20. Stripe's event is late.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(10)
				l.becomes(subA, "paused", pausedBy("pause_requested"), Fields{"cancel_at": unix(20)})
			},
			Asked: 21 * Day, Want: no("Paused", "The subscription was paused on day 10. Access resumes when the subscription does."),
		},
	}
}

// trialEnds are rows about when a trial ends.
func trialEnds() []Situation {
	cancelsFor := func(day int) func(*Life) {
		return func(l *Life) {
			startsTrial(l)
			l.on(3)
			l.becomes(subA, "trialing", Fields{"cancel_at": unix(day)})
		}
	}
	return []Situation{
		{
			Name: "The customer cancels during the trial, for a later day.", Life: cancelsFor(20),
			Asked: 5 * Day, Want: yes("Trialing", inTrial).until(20 * Day),
		}, {
			Name: "The customer cancels during the trial, for a day within the leeway.", Life: cancelsFor(16), Flags: []string{"--trial-leeway=240h"},
			Asked: 5 * Day, Want: yes("Trialing", inTrial).until(16 * Day),
		}, {
			Name: "Stripe reports no end of the trial. That of its period counts.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "trialing", Fields{"trial_end": nil})
			},
			Asked: 5 * Day, Want: yes("Trialing", inTrial),
		}, {
			Name: "The event that announces the end of the trial is newer than the one of the end itself.",
			Life: func(l *Life) {
				startsTrial(l)
				l.on(5)
				l.becomes(subA, "active", Fields{"trial_end": unix(5)})
				l.on(11)
				l.change("customer.subscription.trial_will_end", subA, Fields{"status": "trialing", "trial_end": unix(14)})
			},
			Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		},
	}
}
