package situations

func unnamedPauses() Group {
	const pausedOn12 = "The subscription was paused on day 12. Access resumes when the subscription does."
	// pausesUnnamed is a renewal of which the payment fails: Stripe pauses the subscription, and does not say why.
	pausesUnnamed := func(then ...func(*Life)) func(*Life) {
		return func(l *Life) {
			l.renewsAfterSignUp()
			l.declines("in_2", 1)
			l.becomes(subA, "paused")
			for _, step := range then {
				step(l)
			}
		}
	}
	return Group{
		Name: "Pauses of which Stripe does not name the cause",
		Intro: "API versions before 2026-05-27 do not say why Stripe paused a subscription. A failed invoice that is still open " +
			"shows that a payment failed.",
		Situations: []Situation{
			{
				Name: "The renewal fails, and Stripe pauses the subscription.", Life: pausesUnnamed(),
				Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
			}, {
				Name: "The same, and grace is over.", Life: pausesUnnamed(),
				Asked: 38 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name:  "The same, and the invoice is paid. The event about the subscription is late.",
				Life:  pausesUnnamed(func(l *Life) { l.on(40); l.pays("in_2", "ch_2") }),
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "The same, and an event after the payment has the subscription paused still.",
				Life: pausesUnnamed(func(l *Life) {
					l.on(40)
					l.pays("in_2", "ch_2")
					l.on(41)
					l.change("customer.subscription.updated", subA, Fields{"default_payment_method": "pm_2"})
				}),
				Asked: 42 * Day, Want: no("Paused", "The subscription was paused on day 30. Access resumes when the subscription does."),
			}, {
				Name:  "The same, and the subscription is active again.",
				Life:  pausesUnnamed(func(l *Life) { l.on(40); l.pays("in_2", "ch_2"); l.becomes(subA, "active") }),
				Asked: 41 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name:  "The same, and the invoice is voided.",
				Life:  pausesUnnamed(func(l *Life) { l.on(31); l.change("invoice.voided", "in_2", Fields{"status": "void"}) }),
				Asked: 32 * Day, Want: no("Paused", "The subscription was paused on day 30. Access resumes when the subscription does."),
			}, {
				Name: "The renewal fails, and the subscription is paused on day 33. Grace runs on.",
				Life: func(l *Life) {
					l.failsToRenew()
					l.on(33)
					l.becomes(subA, "paused")
				},
				Asked: 34 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
			}, {
				Name: "Past due on day 0, and recovered. The renewal fails, and Stripe pauses the subscription.",
				Life: func(l *Life) {
					recovers(l)
					l.renews()
					l.declines("in_2", 1)
					l.becomes(subA, "paused")
				},
				Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
			}, {
				Name: "The paused subscription is scheduled to end on day 33.", Life: pausesUnnamed(func(l *Life) {
					l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(33)})
				}),
				Asked: 31 * Day, Want: yes("GracePeriod",
					"A payment failed on day 30. Access ends on day 33, when the subscription is scheduled to end.").until(33 * Day),
			}, {
				Name: "The same, on day 33.", Life: pausesUnnamed(func(l *Life) {
					l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(33)})
				}),
				Asked: 33 * Day, Want: no("SubscriptionEnded", "The subscription ended on day 33, as scheduled."),
			}, {
				Name: "An invoice is open, and no payment of it has failed. The subscription is paused.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.bills("in_2", subA)
					l.on(12)
					l.becomes(subA, "paused")
				},
				Asked: 13 * Day, Want: no("Paused", pausedOn12),
			}, {
				Name: "An open invoice of which no payment failed is paid, after the subscription was paused.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.declines("in_1", 1)
					l.pays("in_1", "ch_1")
					l.becomes(subA, "active")
					l.on(10)
					l.bills("in_2", subA)
					l.on(12)
					l.becomes(subA, "paused")
					l.on(13)
					l.pays("in_2", "ch_2")
				},
				Asked: 14 * Day, Want: no("Paused", pausedOn12),
			}, {
				Name: "The renewal fails, and the subscription is paused. Its invoice is voided, and an older one is paid.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.bills("in_1", subA)
					l.renews()
					l.declines("in_2", 1)
					l.becomes(subA, "paused")
					l.on(40)
					l.change("invoice.voided", "in_2", Fields{"status": "void"})
					l.pays("in_1", "ch_1")
				},
				Asked: 41 * Day, Want: no("Paused", "The subscription was paused on day 30. Access resumes when the subscription does."),
			}, {
				Name: "A failed invoice is open, and the customer has paid another one since. The subscription is paused.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.bills("in_1", subA)
					l.on(5)
					l.bills("in_2", subA)
					l.declines("in_2", 1)
					l.on(10)
					l.pays("in_1", "ch_1")
					l.on(12)
					l.becomes(subA, "paused")
				},
				Asked: 13 * Day, Want: no("Paused", pausedOn12),
			}, {
				Name: "The trial ends without a payment method. The customer resumes the subscription, and the payment of that fails.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(14)
					l.becomes(subA, "paused")
					l.failsToResume(15)
				},
				Asked: 16 * Day, Want: no("Paused", pausedByTrial),
			}, {
				Name: "The subscription is paused on day 12. The payment of the invoice that would resume it fails.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(12)
					l.becomes(subA, "paused")
					l.failsToResume(13)
				},
				Asked: 14 * Day, Want: no("Paused", pausedOn12),
			}, {
				Name: "An invoice from before the trial is open. The trial ends without a payment method.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.bills("in_1", subA)
					l.declines("in_1", 1)
					l.becomes(subA, "trialing", Fields{"trial_start": unix(0), "trial_end": unix(14)})
					l.on(14)
					l.becomes(subA, "paused")
				},
				Asked: 15 * Day, Want: no("Paused", pausedByTrial),
			},
		},
	}
}
