package situations

import "time"

const (
	inTrial       = "The subscription is in its trial, which ends on day 14."
	trialIsOver   = "The trial ended on day 14, and Stripe has not reported what follows. Access stays as it is until it does."
	trialNotPaid  = "The trial ended on day 14 and Stripe has reported no payment since. Access resumes once it reports one."
	pausedByTrial = "The subscription was paused on day 14 because its trial ended without a payment method. Access resumes when the subscription does."
)

func startsTrial(l *Life) {
	l.signsUp()
	l.subscribes(subA, "trialing")
}

// convertsLate is a trial whose invoice is paid on day 14; the event about the subscription is not there yet.
func convertsLate(l *Life) {
	startsTrial(l)
	l.on(14, time.Minute)
	l.bills("in_2", subA)
	l.pays("in_2", "ch_2")
}

func trials() Group {
	return Group{
		Name: "Trials",
		Intro: "What follows a trial is Stripe's word: a payment, a pause or a cancellation. Its report may be late, and a late one " +
			"suspends no customer. With a Stripe key, the subscription is read when the trial ends.",
		Situations: []Situation{
			{
				Name: "The trial runs.", Life: startsTrial,
				Asked: 5 * Day, Want: yes("Trialing", inTrial),
			}, {
				Name: "Stripe announces the end of the trial.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(11)
					l.report("customer.subscription.trial_will_end", subA, nil)
				},
				Asked: 12 * Day, Want: yes("Trialing", inTrial),
			}, {
				Name: "The trial ended half an hour ago. Stripe has not reported what follows.", Life: startsTrial,
				Asked: 14*Day + 30*time.Minute, Want: yes("Trialing", inTrial),
			}, {
				Name: "The trial ended two hours ago. Stripe has not reported what follows.", Life: startsTrial,
				Asked: 14*Day + 2*time.Hour, Want: notKnown(trialIsOver),
			}, {
				Name: "The trial ended two hours ago. Stripe cannot be reached.", Life: startsTrial, HasKey: true,
				Asked: 14*Day + 2*time.Hour, Want: notKnown(trialIsOver),
			}, {
				Name: "The trial has ended. Stripe's event is lost, and the subscription that is read is active.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(14, 10*time.Second)
					l.reads(subA, Fields{"status": "active"})
				},
				HasKey: true, Asked: 14*Day + 2*time.Hour, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The trial runs, with a leeway of two hours.", Life: startsTrial, Flags: []string{"--trial-leeway=2h"},
				Asked: 14*Day + time.Hour, Want: yes("Trialing", inTrial).until(14*Day + 2*time.Hour),
			}, {
				Name: "The leeway is over. Stripe has not reported what follows.", Life: startsTrial, Flags: []string{"--trial-leeway=2h"},
				Asked: 14*Day + 3*time.Hour, Want: no("AwaitingPayment", trialNotPaid),
			}, {
				Name: "The leeway is over. The invoice is paid, and the event about the subscription is late.", Life: convertsLate,
				Flags: []string{"--trial-leeway=0s"}, Asked: 15 * Day,
				Want: yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 44 at 00:01.").until(44*Day + time.Minute),
			}, {
				Name: "The invoice after the trial is paid, and the event about the subscription is late.", Life: convertsLate,
				Asked: 15 * Day,
				Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 44 at 00:01."),
			}, {
				Name: "The trial ends, and the customer pays.",
				Life: func(l *Life) {
					convertsLate(l)
					l.becomes(subA, "active")
				},
				Asked: 20 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The trial ends, and the payment fails.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(14)
					l.bills("in_2", subA)
					l.declines("in_2", 1)
					l.becomes(subA, "past_due")
				},
				Asked: 15 * Day,
				Want:  yes("GracePeriod", "A payment failed on day 14. Access ends on day 21 unless it is paid by then.").until(21 * Day),
			}, {
				Name: "The trial ends without a payment method, and Stripe pauses the subscription.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(14)
					l.becomes(subA, "paused")
				},
				Asked: 15 * Day, Want: no("Paused", pausedByTrial),
			}, {
				Name: "The same, and Stripe names the cause.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(14)
					l.becomes(subA, "paused", pausedBy("trial_end_without_payment_method"))
				},
				Asked: 15 * Day, Want: no("Paused", pausedByTrial),
			}, {
				Name: "The customer cancels during the trial, for its end.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(3)
					l.becomes(subA, "trialing", Fields{"cancel_at": unix(14), "cancel_at_period_end": true})
				},
				Asked: 5 * Day,
				Want:  yes("Trialing", "The subscription is in its trial and scheduled to end on day 14.").until(14 * Day),
			}, {
				Name: "The same, and the trial is over.",
				Life: func(l *Life) {
					startsTrial(l)
					l.on(3)
					l.becomes(subA, "trialing", Fields{"cancel_at": unix(14), "cancel_at_period_end": true})
				},
				Asked: 14 * Day, Want: no("SubscriptionEnded", "The subscription ended on day 14, as scheduled."),
			}, {
				Name: "An active subscription is given a trial.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(7)
					l.becomes(subA, "trialing", Fields{"trial_start": unix(7), "trial_end": unix(14)})
				},
				Asked: 8 * Day, Want: yes("Trialing", inTrial),
			},
		},
	}
}
