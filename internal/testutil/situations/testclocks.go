package situations

func testClocks() Group {
	clock := Fields{"test_clock": "clock_1"}
	return Group{
		Name: "Test clocks",
		Intro: "In Stripe's test mode a clock can be advanced. The times in the objects are simulated then, and those of the events are " +
			"real: Stripe's status decides, and grace runs in real time.",
		Situations: []Situation{
			{
				Name: "The clock stands in the past: the trial seems to be over for a year.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "trialing", clock, Fields{"trial_start": unix(-379), "trial_end": unix(-365)})
				},
				Asked: Day, Want: yes("Trialing", "The subscription is in its trial."),
			}, {
				Name: "The clock stands in the past: the scheduled end seems to be over.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", clock, Fields{"cancel_at": unix(-300), "cancel_at_period_end": true})
				},
				Asked: Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The clock is advanced by two months on day 1, and the renewal fails.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", clock)
					l.on(1)
					l.add("", invoiceAt(l, "in_2", 30))
					l.declines("in_2", 1)
					l.becomes(subA, "past_due", l.period(subA, 30, 60))
				},
				Asked: 2 * Day,
				Want:  yes("GracePeriod", "A payment failed on day 1. Access ends on day 8 unless it is paid by then.").until(8 * Day),
			}, {
				Name: "The clock stands in the past. The failed renewal is paid, and the event about the subscription is late.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", clock)
					l.becomes(subA, "past_due")
					l.on(20)
					l.add("", invoiceAt(l, "in_2", -300))
					l.pays("in_2", "ch_2")
				},
				Asked: 21 * Day, Want: yes("SubscriptionActive", "The subscription is paid for."),
			},
		},
	}
}
