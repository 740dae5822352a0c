package situations

import . "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives

func unknown() Group {
	const (
		notKnownWithKey    = "Not all of the customer's subscriptions are known yet. They are being read from Stripe. Access stays as it is until then."
		notKnownWithoutKey = "Not all of the customer's subscriptions are known yet. Access stays as it is until an event reports one."
	)
	changesName := func(l *Life) {
		l.add("", Customer(CustomerID, "ada@example.com", "Ada"))
		l.change("customer.updated", CustomerID, Fields{"name": "Ada Lovelace"})
	}
	ended := func(l *Life) {
		l.subscribes(subA, "active")
		l.Events = nil
		l.on(5)
		l.ends(subA)
	}
	invoiceOnly := func(status string) func(*Life) {
		return func(l *Life) {
			l.signsUp()
			l.add("invoice.updated", Invoice(l.Shape, "in_1", CustomerID, subA, status, 2900, Begin, dayTime(30)))
		}
	}
	return Group{
		Name: "What is not known",
		Intro: "The operator was installed later than the customer came, or an event is missing. What is not known is never taken for " +
			"“has none”.",
		Situations: []Situation{
			{
				Name: "The first event about an old customer changes the name.", Life: changesName,
				Asked: Day, Want: notKnown(notKnownWithoutKey),
			}, {
				Name: "The first event about an old customer changes the name.", Life: changesName, HasKey: true,
				Asked: Day, Want: notKnown(notKnownWithKey),
			}, {
				Name: "The same, and Stripe lists no subscription.", Life: func(l *Life) { changesName(l); l.isListed() }, HasKey: true,
				Asked: Day, Want: no("NoSubscription", "The customer has no subscription."),
			}, {
				Name: "The same, and Stripe lists an active subscription.", HasKey: true,
				Life: func(l *Life) {
					changesName(l)
					l.add("", Subscription(l.Shape, subA, CustomerID, "active", Begin, dayTime(30)))
					l.reads(subA)
					l.isListed()
				},
				Asked: Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "A subscription of an old customer ends. Another one may exist.", Life: ended, HasKey: true,
				Asked: 6 * Day, Want: notKnown(notKnownWithKey),
			}, {
				Name: "The same. Without a key, what is known decides.", Life: ended,
				Asked: 6 * Day, Want: no("SubscriptionEnded", canceled+"day 5."),
			}, {
				Name: "An active subscription of an old customer is heard of.", HasKey: true,
				Life:  func(l *Life) { l.subscribes(subA, "active") },
				Asked: Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "Only an open invoice of the subscription is heard of.", Life: invoiceOnly("open"),
				Asked: Day, Want: notKnown("Stripe has not reported the subscription's status yet. Access stays as it is until it does."),
			}, {
				Name: "The same, and another subscription of the customer has ended.",
				Life: func(l *Life) {
					invoiceOnly("open")(l)
					l.subscribes(subB, "active")
					l.ends(subB)
				},
				Asked: Day, Want: notKnown("Stripe has not reported the subscription's status yet. Access stays as it is until it does."),
			}, {
				Name: "Only a paid invoice of the subscription is heard of.", Life: invoiceOnly("paid"),
				Asked: Day,
				Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 30."),
			}, {
				Name: "Stripe reports a status that this version does not know.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "hibernating")
				},
				Asked: Day, Want: notKnown(
					"The subscription has the status hibernating, which this version does not know. Access stays as it is until that changes."),
			}, {
				Name: "The same, and the period is paid for.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(5)
					l.becomes(subA, "hibernating")
				},
				Asked: 6 * Day,
				Want:  yes("SubscriptionActive", "The subscription is paid for. The paid period ends on day 30."),
			},
		},
	}
}
