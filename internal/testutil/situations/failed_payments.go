package situations

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

const (
	inGrace            = "A payment failed on day 30. Access ends on day 37 unless it is paid by then."
	graceIsOver        = "A payment failed on day 30 and the grace period ended on day 37. Access resumes once it is paid."
	graceFrom35        = "A payment failed on day 35. Access ends on day 42 unless it is paid by then."
	paidUntil60        = "The subscription is paid for. The paid period ends on day 60."
	mustAuthorizeFirst = "The subscription waits for its first payment, which the customer must authorize with the bank. " +
		"Access starts once it succeeds."
	authorizeInGrace = "A payment failed on day 30 because the customer must authorize it with the bank. " +
		"Access ends on day 37 unless it is authorized by then."
)

func paymentIntent(l *Life, id, status string) Object {
	return PaymentIntent(l.Shape, id, CustomerID, "", status, l.now)
}

func graceOf(d time.Duration) v1alpha1.CustomerSpec {
	return v1alpha1.CustomerSpec{GracePeriod: &metav1.Duration{Duration: d}}
}

// givesUp is a failed renewal whose last attempt fails on day 51.
func givesUp(l *Life) {
	l.failsToRenew()
	l.on(51)
	l.declines("in_2", 4)
	l.becomes(subA, "unpaid")
}

// recovers is past due on day 0, and active again on day 2.
func recovers(l *Life) {
	l.signsUp()
	l.subscribes(subA, "active")
	l.becomes(subA, "past_due")
	l.on(2)
	l.becomes(subA, "active")
}

func failedPayments() Group {
	return Group{
		Name: "Failed payments and the grace period",
		Intro: "Grace starts when the subscription comes into past due, or when it is first seen so. Nothing from before uses it up. " +
			"`--grace-period` is 168h by default.",
		Situations: append(graceStarts(), afterGrace()...),
	}
}

func graceStarts() []Situation {
	return []Situation{
		{
			Name: "The renewal fails.", Life: (*Life).failsToRenew,
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The renewal fails a second time. Grace runs from the first.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.on(33)
				l.declines("in_2", 2)
			},
			Asked: 34 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The renewal fails, and the customer changes the card on day 34.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.on(34)
				l.change("customer.subscription.updated", subA, Fields{"default_payment_method": "pm_2"})
			},
			Asked: 35 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "Grace is over.", Life: (*Life).failsToRenew,
			Asked: 37 * Day, Want: no("PaymentFailed", graceIsOver),
		}, {
			Name: "The renewal fails, with a grace of three days.", Life: (*Life).failsToRenew, Flags: []string{"--grace-period=72h"},
			Asked: 31 * Day,
			Want:  yes("GracePeriod", "A payment failed on day 30. Access ends on day 33 unless it is paid by then.").until(33 * Day),
		}, {
			Name: "The renewal fails. Support has given the customer two weeks.", Life: (*Life).failsToRenew, Spec: graceOf(14 * Day),
			Asked: 40 * Day,
			Want:  yes("GracePeriod", "A payment failed on day 30. Access ends on day 44 unless it is paid by then.").until(44 * Day),
		}, {
			Name: "The renewal fails, without any grace.", Life: (*Life).failsToRenew, Spec: graceOf(0),
			Asked: 30 * Day,
			Want:  no("PaymentFailed", "A payment failed on day 30 and the grace period ended on day 30. Access resumes once it is paid."),
		}, {
			Name: "An older invoice failed and was marked uncollectible. The next renewal fails.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.bills("in_1", subA)
				l.declines("in_1", 1)
				l.becomes(subA, "past_due")
				l.on(3)
				l.change("invoice.updated", "in_1", Fields{"status": "uncollectible"})
				l.becomes(subA, "active")
				l.renews()
				l.declines("in_2", 1)
				l.becomes(subA, "past_due")
			},
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "An older invoice failed and was voided. The next renewal fails.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.bills("in_1", subA)
				l.declines("in_1", 1)
				l.on(3)
				l.change("invoice.voided", "in_1", Fields{"status": "void"})
				l.renews()
				l.declines("in_2", 1)
				l.becomes(subA, "past_due")
			},
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "A sent invoice is due on day 30. A card was declined on day 3.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active", Fields{"collection_method": "send_invoice"})
				l.bills("in_1", subA, Fields{"due_date": unix(30)})
				l.on(3)
				l.declines("in_1", 1)
				l.on(30)
				l.becomes(subA, "past_due")
			},
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The payment failed on day 30. Only a comparison on day 35 finds the subscription past due.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.renews()
				l.declines("in_2", 1)
				l.on(35)
				l.reads(subA, Fields{"status": "past_due"})
			},
			HasKey: true, Asked: 36 * Day, Want: yes("GracePeriod", graceFrom35).until(42 * Day),
		}, {
			Name: "The first thing that is heard of the subscription, on day 35, is that it is past due.",
			Life: func(l *Life) {
				l.subscribes(subA, "past_due")
				l.Events = nil
				l.on(35)
				l.change("customer.subscription.updated", subA, Fields{"metadata": Object{"a": "b"}})
				l.on(38)
				l.change("customer.subscription.updated", subA, Fields{"metadata": Object{"a": "c"}})
			},
			Asked: 39 * Day, Want: yes("GracePeriod", graceFrom35).until(42 * Day),
		}, {
			Name: "Past due on day 0, and recovered. It fails again on day 30, and the customer changes the card on day 33.",
			Life: func(l *Life) {
				recovers(l)
				l.on(30)
				l.becomes(subA, "past_due")
				l.on(33)
				l.change("customer.subscription.updated", subA, Fields{"default_payment_method": "pm_2"})
			},
			Asked: 34 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "Past due on day 0, and recovered. It fails again, and the first event to show that comes on day 35.",
			Life: func(l *Life) {
				recovers(l)
				l.on(30)
				l.change("", subA, Fields{"status": "past_due"})
				l.on(35)
				l.change("customer.subscription.updated", subA, Fields{"default_payment_method": "pm_2"})
			},
			Asked: 36 * Day, Want: yes("GracePeriod", graceFrom35).until(42 * Day),
		},
	}
}

func afterGrace() []Situation {
	return []Situation{
		{
			Name: "Stripe gives up: the subscription is unpaid.", Life: givesUp,
			Asked: 52 * Day, Want: no("PaymentFailed", "The subscription became unpaid on day 51: its payments failed and Stripe has "+
				"stopped retrying. Access resumes once the open invoice is paid."),
		}, {
			Name: "Stripe gives up, and cancels the subscription.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.on(51)
				l.ends(subA)
			},
			Asked: 52 * Day, Want: no("SubscriptionEnded", canceled+"day 51."),
		}, {
			Name: "The renewal fails because the customer must authorize it (3-D Secure).",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.asksToAuthorize("in_2", 1)
				l.becomes(subA, "past_due")
			},
			Asked: 31 * Day, Want: yes("GracePeriod", authorizeInGrace).until(37 * Day),
		}, {
			Name: "The same, and only the failed charge reports it.",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.add("charge.failed", Declined(Charge(l.Shape, "ch_2", CustomerID, "pi_2", "", l.now)), Fields{
					"failure_code": "authentication_required", "outcome": Object{"type": "issuer_declined", "reason": "authentication_required"},
				})
				l.change("invoice.payment_failed", "in_2", Fields{"attempt_count": 1})
				l.becomes(subA, "past_due")
			},
			Asked: 31 * Day, Want: yes("GracePeriod", authorizeInGrace).until(37 * Day),
		}, {
			Name: "The customer does not authorize the renewal, and grace is over.",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.asksToAuthorize("in_2", 1)
				l.becomes(subA, "past_due")
			},
			Asked: 38 * Day, Want: no("PaymentFailed", "A payment failed on day 30 because the customer must authorize it with the bank, "+
				"and the grace period ended on day 37. Access resumes once it is authorized."),
		}, {
			Name: "The customer had to authorize the renewal. The next attempt is declined.",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.asksToAuthorize("in_2", 1)
				l.becomes(subA, "past_due")
				l.on(33)
				l.declines("in_2", 2)
			},
			Asked: 34 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The customer had to authorize the renewal of last month, and did. This month's is declined.",
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.bills("in_1", subA)
				l.asksToAuthorize("in_1", 1)
				l.pays("in_1", "ch_1")
				l.failsToRenewAgain()
			},
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The renewal fails, and the subscription is scheduled to end before grace does.",
			Life: func(l *Life) {
				l.failsToRenew()
				l.becomes(subA, "past_due", Fields{"cancel_at": unix(33)})
			},
			Asked: 31 * Day, Want: yes("GracePeriod",
				"A payment failed on day 30. Access ends on day 33, when the subscription is scheduled to end.").until(33 * Day),
		},
	}
}
