package situations

import . "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives

// corrections are rows about readings of disputes, charges and pauses.
func corrections() []Situation {
	return []Situation{
		{
			Name: "A dispute that was lost long ago is read.", HasKey: true, Flags: onDispute,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.add("", Dispute("dp_1", "ch_1", "pi_ch_1", l.now, l.now.Add(9*Day)))
				l.on(20)
				l.reads("dp_1", Fields{"status": "lost"})
			},
			Asked: 21 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "A refund was forged. Stripe does not know the charge.", HasKey: true, Flags: onRefund,
			Life:  func(l *Life) { l.subscribesAndPays(); l.on(10); l.refunds("ch_1"); l.on(11); l.isAbsent("ch_1") },
			Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "Stripe paused the subscription after the last failed payment. It is read in an API version that does not name the cause.",
			Life: func(l *Life) {
				pausesAfterLastFailure(l)
				l.on(53)
				l.reads(subA, Fields{"status_details": nil, "default_payment_method": "pm_2"})
			},
			HasKey: true, Asked: 54 * Day,
			Want: no("PaymentFailed", "The subscription was paused on day 51 after its last payment attempt failed. Access resumes once the open invoice is paid."),
		}, {
			Name: "Stripe reports a status that this version does not know, and the paid period is over.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.becomes(subA, "hibernating")
			},
			Asked: 31 * Day, Want: notKnown(
				"The subscription has the status hibernating, which this version does not know. Access stays as it is until that changes."),
		},
	}
}

// refutedDeletions are rows about deletions and readings.
func refutedDeletions() []Situation {
	const deleted = "The customer was deleted at Stripe on day 10, which ended its subscriptions for good."
	return []Situation{
		{
			Name: "A deletion was forged, of a customer without a subscription. Stripe has the customer.", HasKey: true,
			Life: func(l *Life) {
				l.signsUp()
				l.on(10)
				l.isDeleted()
				l.on(11)
				l.reads(CustomerID)
			},
			Asked: 12 * Day, Want: no("NoSubscription", "The customer has no subscription."),
		}, {
			Name: "An event of day 12 still changes the customer's name.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(10)
				l.isDeleted()
				l.on(12)
				l.change("customer.updated", CustomerID, Fields{"name": "Ada Lovelace"})
			},
			Asked: 13 * Day, Want: no("SubscriptionEnded", deleted),
		}, {
			Name: "The customer's new e-mail address was read on day 9. The event of the deletion on day 10 arrives later.", HasKey: true,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(9)
				l.reads(CustomerID, Fields{"email": "new@example.com"})
				l.isDelayed()
				l.on(10)
				l.isDeleted()
			},
			Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
		},
	}
}

// clocks are rows about times that a test clock simulates.
func clocks() []Situation {
	clock := Fields{"test_clock": "clock_1"}
	return []Situation{
		{
			Name: "The clock stands in the past: collection seems to have resumed.", Flags: atOnce,
			Life:  func(l *Life) { l.signsUp(); l.subscribes(subA, "active", clock, voids(unix(-280))) },
			Asked: Day, Want: no("Paused", isVoided+"No date is set for it to resume."),
		}, {
			Name: "The clock was advanced to day 40, where an invoice is paid on the real day 1. The next renewal fails on day 2.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active", clock)
				l.on(1)
				l.add("", invoiceAt(l, "in_1", 40))
				l.change("invoice.paid", "in_1", l.paid(2900), Fields{"status_transitions": Fields{"paid_at": unix(40)}})
				l.on(2)
				l.becomes(subA, "past_due")
			},
			Asked: 12 * Day,
			Want:  no("PaymentFailed", "A payment failed on day 2 and the grace period ended on day 9. Access resumes once it is paid."),
		},
	}
}

// paymentsThatCount are rows about what counts as a payment.
func paymentsThatCount() []Situation {
	neverPaid := []string{"--grace-period-never-paid=24h"}
	return []Situation{
		{
			Name: "The first month was paid outside of Stripe, and the renewal fails.", Flags: neverPaid,
			Life:  func(l *Life) { paysOutside(l); l.failsToRenewAgain() },
			Asked: 32 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The first payment after a trial fails. The event of the customer's creation arrives after a comparison.", HasKey: true,
			Life: func(l *Life) {
				l.subscribes(subA, "trialing")
				l.on(14)
				l.bills("in_2", subA)
				l.declines("in_2", 1)
				l.becomes(subA, "past_due")
				l.isListed()
				l.isDelayed()
				l.on(0)
				l.signsUp()
			},
			Flags: neverPaid, Asked: 15 * Day,
			Want: no("PaymentFailed", "A payment failed on day 14 and the grace period ended on day 15. Access resumes once it is paid."),
		},
	}
}
