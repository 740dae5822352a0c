package situations

import (
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// failsAfterTrial is a trial of which the first payment fails.
func failsAfterTrial(l *Life) {
	startsTrial(l)
	l.on(14)
	l.bills("in_2", subA)
	l.declines("in_2", 1)
	l.becomes(subA, "past_due")
}

func graceNeverPaid() Group {
	const (
		inShortGrace = "A payment failed on day 14. Access ends on day 15 unless it is paid by then."
		inLongGrace  = "A payment failed on day 14. Access ends on day 21 unless it is paid by then."
	)
	neverPaid := []string{"--grace-period-never-paid=24h"}
	return Group{
		Name: "The grace period of a customer that has never paid",
		Intro: "`--grace-period-never-paid` holds for a customer of whom everything is recorded, and no payment is. " +
			"What was paid for anything counts, even if it was refunded.",
		Situations: []Situation{
			{
				Name: "The first payment after a trial fails.", Life: failsAfterTrial, Flags: neverPaid,
				Asked: 14*Day + 12*time.Hour, Want: yes("GracePeriod", inShortGrace).until(15 * Day),
			}, {
				Name: "The same, a day later.", Life: failsAfterTrial, Flags: neverPaid,
				Asked: 15 * Day, Want: no("PaymentFailed",
					"A payment failed on day 14 and the grace period ended on day 15. Access resumes once it is paid."),
			}, {
				Name: "The first payment after a trial fails, with no grace for a customer that has never paid.", Life: failsAfterTrial,
				Flags: []string{"--grace-period-never-paid=0s"}, Asked: 14 * Day,
				Want: no("PaymentFailed", "A payment failed on day 14 and the grace period ended on day 14. Access resumes once it is paid."),
			}, {
				Name: "The renewal of a customer that has paid fails.", Life: (*Life).failsToRenew, Flags: neverPaid,
				Asked: 32 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
			}, {
				Name: "The first month was free by a coupon, and the renewal fails.", Flags: neverPaid,
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.bills("in_1", subA, Fields{"amount_due": 0})
					l.change("invoice.paid", "in_1", l.paid(0))
					l.failsToRenewAgain()
				},
				Asked: 32 * Day,
				Want:  no("PaymentFailed", "A payment failed on day 30 and the grace period ended on day 31. Access resumes once it is paid."),
			}, {
				Name: "The first payment after a trial fails. The customer has bought something else before.", Flags: neverPaid,
				Life: func(l *Life) {
					startsTrial(l)
					l.on(5)
					l.charges("ch_mug", "", 900)
					l.on(14)
					l.bills("in_2", subA)
					l.declines("in_2", 1)
					l.becomes(subA, "past_due")
				},
				Asked: 16 * Day, Want: yes("GracePeriod", inLongGrace).until(21 * Day),
			}, {
				Name: "The first payment after a trial fails. A former subscription was paid, and refunded.", Flags: neverPaid,
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subB, "active")
					l.bills("in_1", subB)
					l.pays("in_1", "ch_1")
					l.ends(subB)
					l.refunds("ch_1")
					l.subscribes(subA, "trialing")
					l.on(14)
					l.bills("in_2", subA)
					l.declines("in_2", 1)
					l.becomes(subA, "past_due")
				},
				Asked: 16 * Day, Want: yes("GracePeriod", inLongGrace).until(21 * Day),
			}, {
				Name: "The first payment after a trial fails. Support has given the customer a week.", Life: failsAfterTrial,
				Spec: graceOf(7 * Day), Flags: neverPaid,
				Asked: 16 * Day, Want: yes("GracePeriod", inLongGrace).until(21 * Day),
			}, {
				Name: "The payment of an imported customer fails. No payment is known, and that does not mean that there was none.",
				Life: func(l *Life) {
					l.add("", Subscription(l.Shape, subA, CustomerID, "active", Begin, dayTime(14)))
					l.on(3)
					l.reads(subA)
					l.isListed()
					l.isDelayed()
					l.on(14)
					l.bills("in_2", subA)
					l.declines("in_2", 1)
					l.becomes(subA, "past_due")
				},
				Flags: neverPaid, HasKey: true, Asked: 16 * Day, Want: yes("GracePeriod", inLongGrace).until(21 * Day),
			}, {
				Name: "The payment of a customer fails of whom not all is known.", Flags: neverPaid,
				Life: func(l *Life) {
					l.subscribes(subA, "trialing")
					l.on(14)
					l.bills("in_2", subA)
					l.declines("in_2", 1)
					l.becomes(subA, "past_due")
				},
				Asked: 16 * Day, Want: yes("GracePeriod", inLongGrace).until(21 * Day),
			},
		},
	}
}
