package situations

var onDispute = []string{"--on-dispute=Suspend"}

func disputes() Group {
	const (
		disputed = "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."
		lost     = "A payment was disputed on day 10 and the dispute was lost. Access resumes with the next payment."
	)
	dispute := func(then ...func(*Life)) func(*Life) {
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(10)
			l.disputes("dp_1", "ch_1")
			for _, step := range then {
				step(l)
			}
		}
	}
	closes := func(eventType, status string) func(*Life) {
		return func(l *Life) {
			l.on(20)
			l.change(eventType, "dp_1", Fields{"status": status})
		}
	}
	return Group{
		Name: "Disputes",
		Intro: "By default, a dispute is recorded, and changes nothing. With `--on-dispute=Suspend`, a dispute of a payment of the " +
			"subscription suspends the customer.",
		Situations: []Situation{
			{
				Name: "The payment is disputed.", Life: dispute(),
				Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is disputed.", Life: dispute(), Flags: onDispute,
				Asked: 11 * Day, Want: no("Disputed", disputed),
			}, {
				Name: "Evidence is sent: the dispute is under review.", Life: dispute(closes("charge.dispute.updated", "under_review")), Flags: onDispute,
				Asked: 21 * Day, Want: no("Disputed", disputed),
			}, {
				Name: "The money is withdrawn.", Life: dispute(closes("charge.dispute.funds_withdrawn", "needs_response")), Flags: onDispute,
				Asked: 21 * Day, Want: no("Disputed", disputed),
			}, {
				Name: "The dispute is won.", Life: dispute(closes("charge.dispute.closed", "won")), Flags: onDispute,
				Asked: 21 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The dispute is won, and only the return of the money is reported.", Flags: onDispute,
				Life:  dispute(closes("charge.dispute.funds_reinstated", "won")),
				Asked: 21 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The dispute ends because the payment was refunded, as old API versions report it.", Flags: onDispute,
				Life:  dispute(closes("charge.dispute.closed", "charge_refunded")),
				Asked: 21 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The dispute is lost.", Life: dispute(closes("charge.dispute.closed", "lost")), Flags: onDispute,
				Asked: 21 * Day, Want: no("Disputed", lost),
			}, {
				Name: "The dispute is lost. The customer pays the next period.", Flags: onDispute,
				Life: dispute(closes("charge.dispute.closed", "lost"), func(l *Life) {
					l.renews()
					l.pays("in_2", "ch_2")
				}),
				Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name:  "The customer buys a mug, and the dispute is lost. The next period is paid outside of Stripe, and its invoice marked so.",
				Flags: onDispute,
				Life: dispute(func(l *Life) { l.charges("ch_mug", "", 900) }, closes("charge.dispute.closed", "lost"), func(l *Life) {
					l.renews()
					l.change("invoice.paid", "in_2", l.paid(0), Fields{"paid_out_of_band": true})
				}),
				Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The same, but the next invoice is over 0: nothing is paid.", Flags: onDispute,
				Life: dispute(func(l *Life) { l.charges("ch_mug", "", 900) }, closes("charge.dispute.closed", "lost"), func(l *Life) {
					l.on(30)
					l.bills("in_2", subA, Fields{"amount_due": 0})
					l.change("invoice.paid", "in_2", l.paid(0))
				}),
				Asked: 31 * Day, Want: no("Disputed", lost),
			}, {
				Name: "The dispute is lost. The customer pays the next period by card, and the lost dispute is reported once more on day 35.", Flags: onDispute,
				Life: dispute(closes("charge.dispute.closed", "lost"), func(l *Life) {
					l.renews()
					l.pays("in_2", "ch_2")
					l.on(35)
					l.change("charge.dispute.updated", "dp_1", Fields{"metadata": Fields{"note": "x"}})
				}),
				Asked: 36 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment of the period before is disputed.", Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(1)
					l.renews()
					l.pays("in_2", "ch_2")
					l.on(33)
					l.disputes("dp_1", "ch_1")
				},
				Asked: 34 * Day,
				Want:  no("Disputed", "A payment was disputed on day 33. Access is suspended until the dispute is won or withdrawn."),
			}, {
				Name: "A payment of a former subscription is disputed, which was paid twice. The present one began later.", Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.renews()
					l.pays("in_2", "ch_2")
					l.on(40)
					l.ends(subA)
					l.on(60)
					l.subscribes(subB, "active")
					l.bills("in_3", subB)
					l.pays("in_3", "ch_3")
					l.on(70)
					l.disputes("dp_1", "ch_1")
				},
				Asked: 71 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The bank inquires. No money has moved.", Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.disputes("dp_1", "ch_1", Fields{"status": "warning_needs_response"})
				},
				Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The bank's inquiry becomes a dispute.", Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.disputes("dp_1", "ch_1", Fields{"status": "warning_needs_response"})
					l.on(15)
					l.change("charge.dispute.updated", "dp_1", Fields{"status": "needs_response"})
				},
				Asked: 16 * Day, Want: no("Disputed", disputed),
			}, {
				Name: "A purchase is disputed that was made later, for the same amount.", Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.charges("ch_mug", "", 2900)
					l.on(10)
					l.disputes("dp_1", "ch_mug")
				},
				Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment of one of two subscriptions is disputed.", Flags: onDispute,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.subscribes(subB, "active")
					l.bills("in_2", subB)
					l.pays("in_2", "ch_2")
					l.on(10)
					l.disputes("dp_1", "ch_1")
				},
				Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is disputed, and the subscription ends.", Flags: onDispute,
				Life:  dispute(func(l *Life) { l.on(12); l.ends(subA) }),
				Asked: 13 * Day, Want: no("SubscriptionEnded", canceled+"day 12."),
			},
		},
	}
}
