package situations

const waitsForFirst = "The subscription waits for its first payment. Access starts once it succeeds."

func startsUnpaid(l *Life) {
	l.signsUp()
	l.subscribes(subA, "incomplete")
	l.bills("in_1", subA, Fields{"billing_reason": "subscription_create"})
}

func firstPayments() Group {
	return Group{
		Name: "First payments",
		Situations: []Situation{
			{
				Name: "The customer has no subscription.", Life: func(l *Life) { l.signsUp() },
				Asked: Day, Want: no("NoSubscription", "The customer has no subscription."),
			}, {
				Name: "The first payment is not made yet.", Life: startsUnpaid,
				Asked: 0, Want: no("AwaitingPayment", waitsForFirst),
			}, {
				Name: "The first payment is declined.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.declines("in_1", 1)
				},
				Asked: 0, Want: no("AwaitingPayment", waitsForFirst),
			}, {
				Name: "The first payment waits for the customer to authorize it (3-D Secure).",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.change("invoice.payment_action_required", "in_1", Fields{"attempt_count": 1})
				},
				Asked: 0, Want: no("AwaitingPayment", mustAuthorizeFirst),
			}, {
				Name: "The same, and only the payment's own event reports it.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.add("payment_intent.requires_action", paymentIntent(l, "pi_1", "requires_action"))
				},
				Asked: 0, Want: no("AwaitingPayment", mustAuthorizeFirst),
			}, {
				Name: "The customer authorizes the first payment, and it succeeds.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.change("invoice.payment_action_required", "in_1", Fields{"attempt_count": 1})
					l.pays("in_1", "ch_1")
					l.becomes(subA, "active")
				},
				Asked: Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The first invoice is paid, and the event about the subscription is late.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.pays("in_1", "ch_1")
				},
				Asked: Day,
				Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 30.").until(30 * Day),
			}, {
				Name: "The first payment is never made. After 23 hours the subscription expires.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.on(1)
					l.change("invoice.voided", "in_1", Fields{"status": "void"})
					l.becomes(subA, "incomplete_expired", Fields{"ended_at": unix(1)})
				},
				Asked: 2 * Day, Want: no("SubscriptionEnded", "The subscription expired: its first payment was never made."),
			}, {
				Name: "The first subscription expires. The customer tries again, and pays.",
				Life: func(l *Life) {
					startsUnpaid(l)
					l.on(1)
					l.becomes(subA, "incomplete_expired", Fields{"ended_at": unix(1)})
					l.on(2)
					l.subscribes(subB, "active")
				},
				Asked: 3 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The first invoice is over 0: a coupon pays all of it.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.bills("in_1", subA, Fields{"amount_due": 0})
					l.change("invoice.paid", "in_1", l.paid(0))
				},
				Asked: Day, Want: yes("SubscriptionActive", isActive),
			},
		},
	}
}
