package entitlement

import (
	"testing"
	"time"
)

// split is a policy with an own grace period for customers that have never paid: one day instead of a week.
var split = Policy{GracePeriod: week, GracePeriodNeverPaid: new(24 * time.Hour), TrialLeeway: leeway}

const (
	weekOfGrace = "A payment failed on 10 March 2026 at 12:00 UTC. Access ends on 17 March 2026 at 12:00 UTC unless it is paid by then."
	dayOfGrace  = "A payment failed on 10 March 2026 at 12:00 UTC. Access ends on 11 March 2026 at 12:00 UTC unless it is paid by then."
)

// converted is a subscription whose trial ended with a failed payment at noon.
func converted() *subscription { return sub("past_due").trialUntil(day(0)).became("past_due", day(0)) }

var graceCases = map[string]decisionCase{
	"never paid": {
		customer: newCustomer().with("sub_A", converted()),
		policy:   split,
		want:     served("GracePeriod", dayOfGrace, "sub_A").until(day(1)),
	},
	"never paid, grace over": {
		customer: newCustomer().with("sub_A", sub("past_due").became("past_due", day(-2))),
		policy:   split,
		want: refused("PaymentFailed", "A payment failed on 8 March 2026 at 12:00 UTC and the grace period ended "+
			"on 9 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"never paid, and no own grace for that": {
		customer: newCustomer().with("sub_A", converted()),
		want:     served("GracePeriod", weekOfGrace, "sub_A").until(day(7)),
	},
	"never paid, and no grace for that": {
		customer: newCustomer().with("sub_A", converted()),
		policy:   Policy{GracePeriod: week, GracePeriodNeverPaid: new(time.Duration)},
		want: refused("PaymentFailed", "A payment failed on 10 March 2026 at 12:00 UTC and the grace period ended "+
			"on 10 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"paid before": {
		customer: newCustomer().paidSince(day(-40)).with("sub_A", converted()),
		policy:   split,
		want:     served("GracePeriod", weekOfGrace, "sub_A").until(day(7)),
	},
	"never paid, but the customer has an own grace": {
		customer: newCustomer().grace(2*24*time.Hour).with("sub_A", converted()),
		policy:   split,
		want: served("GracePeriod",
			"A payment failed on 10 March 2026 at 12:00 UTC. Access ends on 12 March 2026 at 12:00 UTC unless it is paid by then.", "sub_A").
			until(day(2)),
	},
	"paid before, and the customer has no grace": {
		customer: newCustomer().paidSince(day(-40)).grace(0).with("sub_A", converted()),
		policy:   split,
		want: refused("PaymentFailed", "A payment failed on 10 March 2026 at 12:00 UTC and the grace period ended "+
			"on 10 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"no payment is known of an imported customer: it may have paid": {
		customer: newCustomer().listed().with("sub_A", converted()),
		policy:   split,
		want:     served("GracePeriod", weekOfGrace, "sub_A").until(day(7)),
	},
	"no payment is known of a customer that is not known whole: it may have paid": {
		customer: newCustomer().incomplete().with("sub_A", converted()),
		policy:   split,
		want:     served("GracePeriod", weekOfGrace, "sub_A").until(day(7)),
	},
	"never paid, and paused after the first failed payment": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(0))),
		policy:   split,
		want:     served("GracePeriod", dayOfGrace, "sub_A").until(day(1)),
	},
}

func TestGracePeriods(t *testing.T) { runDecisions(t, graceCases) }

// pausedCases cover a pause by Stripe for a failed payment: it follows the grace policy like past_due.
var pausedCases = map[string]decisionCase{
	"past due before it was paused: grace runs from the first failure on": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").
			became("active", day(-40)).became("past_due", day(-5)).became("paused", day(0))),
		want: served("GracePeriod",
			"A payment failed on 5 March 2026 at 12:00 UTC. Access ends on 12 March 2026 at 12:00 UTC unless it is paid by then.", "sub_A").
			until(day(2)),
	},
	"past due long before, and active since": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").
			became("past_due", day(-70)).became("active", day(-60)).became("paused", day(0))),
		want: served("GracePeriod", weekOfGrace, "sub_A").until(day(7)),
	},
	"to end in grace": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(0)).cancelAt(day(1))),
		want: served("GracePeriod",
			"A payment failed on 10 March 2026 at 12:00 UTC. Access ends on 11 March 2026 at 12:00 UTC, when the subscription is scheduled to end.",
			"sub_A").until(day(1)),
	},
	"the scheduled end over": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(-2)).cancelAt(day(-1))),
		want:     refused("SubscriptionEnded", "The subscription ended on 9 March 2026 at 12:00 UTC, as scheduled.", "sub_A"),
	},
	"collection paused with behavior void: the period is not paid for": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(-2)).paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"an API version that names no cause, and a failed invoice is open": {
		customer: newCustomer().with("sub_A", sub("paused").trialUntil(day(-90)).became("paused", day(0)).
			failing(day(0)).lastPaid(day(-30))),
		want: served("GracePeriod", weekOfGrace, "sub_A").until(day(7)),
	},
	"an API version that names no cause, and the failed invoice is from before the trial ended": {
		customer: newCustomer().with("sub_A", sub("paused").trialUntil(day(-1)).became("paused", day(-1)).failing(day(-5))),
		want: refused("Paused", "The subscription was paused on 9 March 2026 at 12:00 UTC because its trial ended without a payment "+
			"method. Access resumes when the subscription does.", "sub_A"),
	},
	"an API version that names no cause, and a payment came after the failure": {
		customer: newCustomer().with("sub_A", sub("paused").became("paused", day(-1)).failing(day(-20)).lastPaid(day(-10))),
		want: refused("Paused",
			"The subscription was paused on 9 March 2026 at 12:00 UTC. Access resumes when the subscription does.", "sub_A"),
	},
	"an API version that names no cause, and it was active after its trial": {
		customer: newCustomer().with("sub_A", sub("paused").trialUntil(day(-90)).became("active", day(-90)).became("paused", day(-1))),
		want: refused("Paused",
			"The subscription was paused on 9 March 2026 at 12:00 UTC. Access resumes when the subscription does.", "sub_A"),
	},
}

func TestPausedAfterAFailedPayment(t *testing.T) { runDecisions(t, pausedCases) }
