package situations

func pausedBy(cause string) Fields {
	return Fields{"status_details": Fields{"paused": Fields{"subscription": Fields{"type": cause}}}}
}

// pausesAfterFailure is a renewal of which the first payment fails: Stripe pauses the subscription.
func pausesAfterFailure(l *Life) {
	l.renewsAfterSignUp()
	l.declines("in_2", 1)
	l.becomes(subA, "paused", pausedBy("first_payment_failure"))
}

func pausesAfterLastFailure(l *Life) {
	l.failsToRenew()
	l.on(51)
	l.declines("in_2", 4)
	l.becomes(subA, "paused", pausedBy("final_payment_failure"))
}

func pauses() Group {
	const (
		paused      = "The subscription was paused on day 10. Access resumes when the subscription does."
		pausedFinal = "The subscription was paused on day 51 after its last payment attempt failed. Access resumes once the open invoice is paid."
	)
	pause := func(fields ...Fields) func(*Life) {
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(10)
			l.becomes(subA, "paused", fields...)
		}
	}
	collection := func(pause Fields) func(*Life) {
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(10)
			l.change("customer.subscription.updated", subA, Fields{"pause_collection": pause})
		}
	}
	return Group{
		Name: "Pauses",
		Intro: "A pause after the first failed payment follows the grace period. Every other pause of the subscription takes effect at " +
			"once. A pause of collection does not end access, unless its invoices are voided: see the void pauses.",
		Situations: []Situation{
			{
				Name: "The subscription is paused on demand.", Life: pause(pausedBy("pause_requested")),
				Asked: 11 * Day, Want: no("Paused", paused),
			}, {
				Name: "The subscription is paused, and an old API version names no cause.", Life: pause(),
				Asked: 11 * Day, Want: no("Paused", paused),
			}, {
				Name: "The same, a hundred days after its trial.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active", Fields{"trial_start": unix(-97), "trial_end": unix(-90)})
					l.on(10)
					l.becomes(subA, "paused")
				},
				Asked: 11 * Day, Want: no("Paused", paused),
			}, {
				Name: "The subscription resumes.",
				Life: func(l *Life) {
					pause(pausedBy("pause_requested"))(l)
					l.on(20)
					l.becomes(subA, "active", Fields{"status_details": nil})
					l.report("customer.subscription.resumed", subA, nil)
				},
				Asked: 21 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "Stripe pauses the subscription after the first failed payment.", Life: pausesAfterFailure,
				Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
			}, {
				Name: "The same, and grace is over.", Life: pausesAfterFailure,
				Asked: 38 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "The same, and the invoice is paid. The event about the subscription is late.",
				Life: func(l *Life) {
					pausesAfterFailure(l)
					l.on(40)
					l.pays("in_2", "ch_2")
				},
				Asked: 41 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "Stripe pauses the subscription after the last failed payment.", Life: pausesAfterLastFailure,
				Asked: 52 * Day, Want: no("PaymentFailed", pausedFinal),
			}, {
				Name: "The invoice of that last payment is paid. The event about the subscription is late.",
				Life: func(l *Life) {
					pausesAfterLastFailure(l)
					l.on(53)
					l.pays("in_2", "ch_2")
				},
				Asked: 54 * Day, Want: yes("SubscriptionActive", paidUntil60).until(60 * Day),
			}, {
				Name: "Collection is paused, and invoices are kept as drafts.", Life: collection(Fields{"behavior": "keep_as_draft", "resumes_at": nil}),
				Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "Collection is paused, and invoices are marked uncollectible.", Life: collection(Fields{"behavior": "mark_uncollectible", "resumes_at": nil}),
				Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
			},
		},
	}
}
