package situations

const (
	isActive  = "The subscription is active."
	canceled  = "The subscription was canceled and ended on "
	endsOn30  = "The subscription is active and scheduled to end on day 30."
	endedOn30 = "The subscription ended on day 30, as scheduled."
)

func active() Group {
	return Group{
		Name: "Active subscriptions",
		Situations: []Situation{
			{
				Name:  "The subscription is active.",
				Life:  func(l *Life) { l.subscribesAndPays() },
				Asked: 5 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name:  "The period is over, and no event has reported the next one. Stripe renews it.",
				Life:  func(l *Life) { l.subscribesAndPays() },
				Asked: 40 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The subscription is renewed, and paid.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.renews()
					l.pays("in_2", "ch_2")
				},
				Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A sent invoice is open and not due yet. A card is declined on its page.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(30)
					l.bills("in_2", subA, Fields{"collection_method": "send_invoice", "due_date": unix(60)})
					l.on(33)
					l.declines("in_2", 1)
				},
				Asked: 45 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The customer moves from a year to a month. A credit line runs until the end of the year.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.bills("in_2", subA, Fields{"amount_due": 0, "total": -23000},
						lines(l.line(subA, -23000, 5, 365, true), l.line(subA, 2900, 5, 35, false)))
					l.change("invoice.paid", "in_2", l.paid(0))
				},
				Asked: 6 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The payment is pending: the customer pays the invoice in part.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.renews()
					l.charges("ch_2", "in_2", 900)
					l.change("invoice.updated", "in_2", Fields{"amount_paid": 900, "amount_remaining": 2000})
				},
				Asked: 31 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "An invoice is marked uncollectible, and Stripe keeps the subscription active.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.renews()
					l.declines("in_2", 1)
					l.on(33)
					l.change("invoice.updated", "in_2", Fields{"status": "uncollectible"})
				},
				Asked: 34 * Day, Want: yes("SubscriptionActive", isActive),
			},
		},
	}
}
