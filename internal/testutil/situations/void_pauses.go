package situations

import . "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives

const isVoided = "Billing of the subscription is paused and its invoices are voided. "

var atOnce = []string{"--on-void-pause=AtOnce"}

// voids is a pause of collection with behavior void; without a date it does not resume by itself.
func voids(resumesAt any) Fields {
	return Fields{"pause_collection": Fields{"behavior": "void", "resumes_at": resumesAt}}
}

// voidsOn10 pauses the collection of a month that is paid.
func voidsOn10(fields ...Fields) func(*Life) {
	return func(l *Life) {
		l.subscribesAndPays()
		l.on(10)
		l.change("customer.subscription.updated", subA, fields...)
	}
}

func voidPauses() Group {
	return Group{
		Name: "Collection is paused, and invoices are voided",
		Intro: "Nothing is paid while collection is paused with behavior `void`. What was paid for, or the trial, is served to its end. " +
			"With `--on-void-pause=AtOnce`, access ends with the pause.",
		Situations: append(paidVoidPauses(), otherVoidPauses()...),
	}
}

func paidVoidPauses() []Situation {
	const noDate = isVoided + "No date is set for it to resume."
	return []Situation{
		{
			Name: "The month is paid, and collection is paused on day 10.", Life: voidsOn10(voids(nil)),
			Asked: 11 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 30, with what was paid for.").until(30 * Day),
		}, {
			Name: "The same, and the month is over.", Life: voidsOn10(voids(nil)),
			Asked: 30 * Day, Want: no("Paused", noDate),
		}, {
			Name: "The same, and Stripe has voided the invoice of the next month.",
			Life: func(l *Life) {
				voidsOn10(voids(nil))(l)
				l.renews()
				l.change("invoice.voided", "in_2", Fields{"status": "void"})
			},
			Asked: 31 * Day, Want: no("Paused", noDate),
		}, {
			Name: "Collection is paused until day 40.", Life: voidsOn10(voids(unix(40))),
			Asked: 11 * Day,
			Want:  yes("SubscriptionActive", isVoided+"Access ends on day 30, with what was paid for. It resumes on day 40.").until(30 * Day),
		}, {
			Name: "The same, and the month is over. Collection resumes on day 40.", Life: voidsOn10(voids(unix(40))),
			Asked: 31 * Day, Want: no("Paused", isVoided+"Access resumes on day 40."),
		}, {
			Name: "The same, on day 40. Stripe's event is late.", Life: voidsOn10(voids(unix(40))),
			Asked: 40 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Collection is paused until day 20. The month is paid until day 30.", Life: voidsOn10(voids(unix(20))),
			Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Collection is paused until the day on which the month ends.", Life: voidsOn10(voids(unix(30))),
			Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Collection resumes on day 20.",
			Life: func(l *Life) {
				voidsOn10(voids(nil))(l)
				l.on(20)
				l.change("customer.subscription.updated", subA, Fields{"pause_collection": nil})
			},
			Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Collection is paused.", Life: voidsOn10(voids(nil)), Flags: atOnce,
			Asked: 11 * Day, Want: no("Paused", noDate),
		}, {
			Name: "Collection is paused until day 20.", Life: voidsOn10(voids(unix(20))), Flags: atOnce,
			Asked: 11 * Day, Want: no("Paused", isVoided+"Access resumes on day 20."),
		}, {
			Name: "The same, on day 20.", Life: voidsOn10(voids(unix(20))), Flags: atOnce,
			Asked: 20 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Collection is paused with behavior `keep_as_draft`.", Flags: atOnce,
			Life:  voidsOn10(Fields{"pause_collection": Fields{"behavior": "keep_as_draft", "resumes_at": nil}}),
			Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Collection is paused, and the subscription is scheduled to end on day 20.", Life: voidsOn10(voids(nil), Fields{"cancel_at": unix(20)}),
			Asked: 11 * Day, Want: yes("SubscriptionActive", "The subscription is active and scheduled to end on day 20.").until(20 * Day),
		}, {
			Name: "Collection is paused, and the subscription is scheduled to end with the paid month.", Life: voidsOn10(voids(nil), Fields{"cancel_at": unix(30)}),
			Asked: 11 * Day, Want: yes("SubscriptionActive", endsOn30).until(30 * Day),
		}, {
			Name: "Collection is paused until day 50. The subscription is scheduled to end on day 40.", Life: voidsOn10(voids(unix(50)), Fields{"cancel_at": unix(40)}),
			Asked: 11 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 30, with what was paid for.").until(30 * Day),
		}, {
			Name: "The same, and the month is over. The end comes before collection resumes.", Life: voidsOn10(voids(unix(50)), Fields{"cancel_at": unix(40)}),
			Asked: 31 * Day, Want: no("Paused", isVoided+"The subscription is scheduled to end on day 40."),
		}, {
			Name: "The same, on day 40.", Life: voidsOn10(voids(unix(50)), Fields{"cancel_at": unix(40)}),
			Asked: 40 * Day, Want: no("SubscriptionEnded", "The subscription ended on day 40, as scheduled."),
		}, {
			Name: "Collection is paused until day 40. The subscription is scheduled to end on day 50.", Life: voidsOn10(voids(unix(40)), Fields{"cancel_at": unix(50)}),
			Asked: 31 * Day, Want: no("Paused", isVoided+"Access resumes on day 40."),
		},
	}
}

// paysUsageThenVoids is a subscription that bills usage only: that of its first month is paid, then collection is paused.
func paysUsageThenVoids(l *Life) {
	l.signsUp()
	l.subscribesToUsage("active")
	l.on(30)
	l.billsUsage("in_2", 0, 30)
	l.pays("in_2", "ch_2")
	l.on(32)
	l.change("customer.subscription.updated", subA, voids(nil))
}

func otherVoidPauses() []Situation {
	const noDate = isVoided + "No date is set for it to resume."
	inTrialThen := func(fields ...Fields) func(*Life) {
		return func(l *Life) {
			startsTrial(l)
			l.on(3)
			l.change("customer.subscription.updated", subA, fields...)
		}
	}
	return []Situation{
		{
			Name: "Collection is paused in the trial.", Life: inTrialThen(voids(nil)),
			Asked: 5 * Day, Want: yes("Trialing", isVoided+"Access ends on day 14, with what was paid for.").until(14 * Day),
		}, {
			Name: "The same, and the trial is over.", Life: inTrialThen(voids(nil)),
			Asked: 14 * Day, Want: no("Paused", noDate),
		}, {
			Name: "Collection is paused in the trial, until day 10.", Life: inTrialThen(voids(unix(10))),
			Asked: 5 * Day, Want: yes("Trialing", inTrial),
		}, {
			Name: "Collection is paused in the trial.", Life: inTrialThen(voids(nil)), Flags: atOnce,
			Asked: 5 * Day, Want: no("Paused", noDate),
		}, {
			Name: "The renewal fails, and support pauses collection in the grace period.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.on(31)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 32 * Day, Want: no("Paused", noDate),
		}, {
			Name: "The first invoice was sent and is not paid. Collection is paused.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active", Fields{"collection_method": "send_invoice"})
				l.bills("in_1", subA, Fields{"due_date": unix(30)})
				l.on(10)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 11 * Day, Want: no("Paused", noDate),
		}, {
			Name: "Collection is paused. The subscription was imported, and no invoice of it is known.", HasKey: true,
			Life: func(l *Life) {
				l.add("", Subscription(l.Shape, subA, CustomerID, "active", Begin, dayTime(30)), voids(nil))
				l.on(10)
				l.reads(subA)
				l.isListed()
			},
			Asked: 11 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 30, with what was paid for.").until(30 * Day),
		}, {
			Name: "Collection is paused, and the invoice of the next month is paid before that.",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.pays("in_2", "ch_2")
				l.on(31)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 32 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 60, with what was paid for.").until(60 * Day),
		}, {
			Name: "Collection is paused, and the next month has begun. No invoice of it is known.",
			Life: func(l *Life) {
				voidsOn10(voids(nil))(l)
				l.on(30)
				l.change("customer.subscription.updated", subA, l.period(subA, 30, 60))
			},
			Asked: 31 * Day, Want: no("Paused", noDate),
		}, {
			Name: "An active subscription is given a trial until day 14, and collection is paused.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(7)
				l.becomes(subA, "trialing", Fields{"trial_start": unix(7), "trial_end": unix(14)}, voids(nil))
			},
			Asked: 8 * Day, Want: yes("Trialing", isVoided+"Access ends on day 14, with what was paid for.").until(14 * Day),
		}, {
			Name:  "Collection is paused in a trial whose end Stripe does not report. That of its period counts.",
			Life:  inTrialThen(voids(nil), Fields{"trial_end": nil}),
			Asked: 5 * Day, Want: yes("Trialing", isVoided+"Access ends on day 14, with what was paid for.").until(14 * Day),
		}, {
			Name: "A year is paid. A later invoice fails, grace is over, and collection is paused.",
			Life: func(l *Life) {
				l.paysYear()
				l.failsToRenewAgain()
				l.on(40)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 41 * Day, Want: no("Paused", noDate),
		}, {
			Name: "A year is paid, and so is the usage of a month, which is billed after it. Collection is paused.",
			Life: func(l *Life) {
				l.paysYear()
				l.on(30)
				l.bills("in_2", subA, lines(l.line(subA, 500, 0, 30, false)))
				l.pays("in_2", "ch_2")
				l.on(32)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 33 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 365, with what was paid for.").until(365 * Day),
		}, {
			Name: "The same, after the subscription was changed on day 10 to bill usage only. The year was not credited.",
			Life: func(l *Life) {
				l.paysYear()
				l.on(10)
				l.change("customer.subscription.updated", subA, l.metered())
				l.on(30)
				l.billsUsage("in_2", 0, 30)
				l.pays("in_2", "ch_2")
				l.on(32)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 33 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 365, with what was paid for.").until(365 * Day),
		}, {
			Name: "Only usage is billed. That of the first month is paid, and collection is paused on day 32.",
			Life: paysUsageThenVoids, Asked: 33 * Day,
			Want: yes("SubscriptionActive", isVoided+"Access ends on day 60, with what was paid for.").until(60 * Day),
		}, {
			Name: "The same, and Stripe has voided the invoice of the next month's usage.",
			Life: func(l *Life) {
				paysUsageThenVoids(l)
				l.on(60)
				l.billsUsage("in_3", 30, 60)
				l.change("invoice.voided", "in_3", Fields{"status": "void"})
			},
			Asked: 61 * Day, Want: no("Paused", noDate),
		}, {
			Name: "Only usage is billed, after a trial until day 14. That of the first month is paid, and collection is paused on day 45.",
			Life: func(l *Life) {
				l.triesUsage()
				l.on(44)
				l.billsUsage("in_2", 14, 44)
				l.pays("in_2", "ch_2")
				l.on(45)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 46 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 74, with what was paid for.").until(74 * Day),
		}, {
			Name: "Collection is paused. Of the imported subscription only a voided invoice of a proration is known.", HasKey: true,
			Life: func(l *Life) {
				l.add("", Subscription(l.Shape, subA, CustomerID, "active", Begin, dayTime(30)))
				l.on(5)
				l.bills("in_1", subA, lines(l.line(subA, 500, 5, 30, true)))
				l.change("invoice.voided", "in_1", Fields{"status": "void"})
				l.on(10)
				l.change("customer.subscription.updated", subA, voids(nil))
				l.reads(subA)
				l.isListed()
			},
			Asked: 11 * Day, Want: yes("SubscriptionActive", isVoided+"Access ends on day 30, with what was paid for.").until(30 * Day),
		}, {
			Name: "Collection is paused, and the subscription is canceled.",
			Life: func(l *Life) {
				voidsOn10(voids(nil))(l)
				l.on(12)
				l.ends(subA)
			},
			Asked: 13 * Day, Want: no("SubscriptionEnded", canceled+"day 12."),
		}, {
			Name: "Stripe pauses the subscription after the first failed payment, and support pauses collection.",
			Life: func(l *Life) {
				pausesAfterFailure(l)
				l.change("customer.subscription.updated", subA, voids(nil))
			},
			Asked: 31 * Day, Want: no("Paused", noDate),
		}, {
			Name: "Collection is paused, with a test clock that stands in the past: the paid month seems to be over.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active", Fields{"test_clock": "clock_1"}, voids(unix(-280)))
				l.add("", invoiceAt(l, "in_1", -300))
				l.pays("in_1", "ch_1")
			},
			Asked: Day, Want: yes("SubscriptionActive", isActive),
		},
	}
}
