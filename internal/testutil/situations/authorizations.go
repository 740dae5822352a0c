package situations

import (
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// authorizations are rows about failures that are no authorization of the subscription's payment, although they look like one.
func authorizations() []Situation {
	fails := func(later time.Duration, amount int) func(*Life) {
		return func(l *Life) {
			l.failsToRenew()
			l.on(30, later)
			l.add("charge.failed", Declined(Charge(l.Shape, "ch_mug", CustomerID, "pi_mug", "", l.now)).With("amount", amount),
				Fields{"failure_code": "authentication_required"})
		}
	}
	return []Situation{
		{
			Name: "The renewal is declined. A minute later, the customer does not authorize a purchase of another amount.", Life: fails(time.Minute, 900),
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The renewal is declined. An hour later, the customer does not authorize a purchase of the same amount.", Life: fails(time.Hour, 2900),
			Asked: 31 * Day, Want: yes("GracePeriod", inGrace).until(37 * Day),
		}, {
			Name: "The customer never authorized the renewal, and Stripe gave up.",
			Life: func(l *Life) {
				l.renewsAfterSignUp()
				l.asksToAuthorize("in_2", 1)
				l.becomes(subA, "past_due")
				l.on(51)
				l.becomes(subA, "unpaid")
			},
			Asked: 52 * Day, Want: no("PaymentFailed", "The subscription became unpaid on day 51: its payments failed and Stripe has stopped "+
				"retrying. The customer must authorize the payment with the bank. Access resumes once the open invoice is paid."),
		}, {
			Name: "The first payment waits for a payment method.",
			Life: func(l *Life) {
				startsUnpaid(l)
				l.add("payment_intent.created", paymentIntent(l, "pi_1", "requires_payment_method"))
			},
			Asked: 0, Want: no("AwaitingPayment", waitsForFirst),
		}, {
			Name: "The first payment is not made. An hour later, the customer must authorize something else.",
			Life: func(l *Life) {
				startsUnpaid(l)
				l.on(0, time.Hour)
				l.add("payment_intent.requires_action", paymentIntent(l, "pi_2", "requires_action"))
			},
			Asked: 2 * time.Hour, Want: no("AwaitingPayment", waitsForFirst),
		},
	}
}

// otherDisputes are rows about whether a disputed payment may be one of the subscription.
func otherDisputes() []Situation {
	return []Situation{
		{
			Name: "No invoice is known. The last payment is disputed.", Flags: onDispute,
			Life: func(l *Life) {
				l.signsUp()
				l.subscribes(subA, "active")
				l.charges("ch_1", "", 2900)
				l.on(10)
				l.disputes("dp_1", "ch_1")
			},
			Asked: 11 * Day,
			Want:  no("Disputed", "A payment was disputed on day 10. Access is suspended until the dispute is won or withdrawn."),
		}, {
			Name: "No event names the payment of the invoice. A purchase of its amount, of day 5, is disputed.", Flags: onDispute,
			Life: func(l *Life) {
				paysOutside(l)
				l.on(5)
				l.charges("ch_mug", "", 2900)
				l.on(10)
				l.disputes("dp_1", "ch_mug")
			},
			Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "A purchase that grants access is disputed. The customer has paid something else since.", Flags: onDispute,
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.buys("cs_1", "30d")
				l.on(6)
				l.charges("ch_mug", "", 900)
				l.on(10)
				l.disputes("dp_1", "ch_cs_1")
			},
			Asked: 11 * Day, Want: yes("SubscriptionActive", isActive),
		},
	}
}
