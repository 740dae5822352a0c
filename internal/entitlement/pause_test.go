package entitlement

import "testing"

const (
	untilPaid = "Billing of the subscription is paused and its invoices are voided. " +
		"Access ends on 30 March 2026 at 12:00 UTC, with what was paid for."
	noDate     = "Billing of the subscription is paused and its invoices are voided. No date is set for it to resume."
	oneDayLeft = "Billing of the subscription is paused and its invoices are voided. " +
		"Access ends on 11 March 2026 at 12:00 UTC, with what was paid for."
)

// voidCases cover a pause of collection with behavior void.
var voidCases = map[string]decisionCase{
	"paid for: served to the end of the paid period": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).period(day(-10), day(20)).paused("void", nil)),
		want:     served("SubscriptionActive", untilPaid, "sub_A").until(day(20)),
	},
	"paid for, and the policy is to end access at once": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).period(day(-10), day(20)).paused("void", nil)),
		policy:   strict,
		want:     refused("Paused", noDate, "sub_A"),
	},
	"the paid period ends this second": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(0)).paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"renewed in the pause: the new period is not paid for": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).period(day(-1), day(29)).latest("void").paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"paid for a year, and the period shows a month": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).period(day(-29), day(1)).paused("void", nil)),
		want:     served("SubscriptionActive", untilPaid, "sub_A").until(day(20)),
	},
	"no invoice is known: the present period counts as paid": {
		customer: newCustomer().with("sub_A", sub("active").period(day(-29), day(1)).paused("void", nil)),
		want:     served("SubscriptionActive", oneDayLeft, "sub_A").until(day(1)),
	},
	"the newest invoice is paid, its period not known": {
		customer: newCustomer().with("sub_A", sub("active").latest("paid").period(day(-29), day(1)).paused("void", nil)),
		want:     served("SubscriptionActive", oneDayLeft, "sub_A").until(day(1)),
	},
	"the newest invoice is void, no other is known": {
		customer: newCustomer().with("sub_A", sub("active").latest("void").period(day(-1), day(29)).paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"neither invoice nor period is known": {
		customer: newCustomer().with("sub_A", sub("active").paused("void", nil)),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"to resume after the paid period": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).paused("void", day(30))),
		want: served("SubscriptionActive", untilPaid+" It resumes on 9 April 2026 at 12:00 UTC.", "sub_A").
			until(day(20)),
	},
	"to resume within the paid period: access does not end": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).paused("void", day(9))),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"to resume as the paid period ends: access does not end": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).paused("void", day(20))),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"to have resumed: nothing is paused": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-20)).latest("void").paused("void", day(-3))),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"to end before the paid period does": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).cancelAt(day(5)).paused("void", nil)),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").until(day(5)),
	},
	"to end after the paid period does, and to resume after that": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).cancelAt(day(25)).paused("void", day(30))),
		want:     served("SubscriptionActive", untilPaid, "sub_A").until(day(20)),
	},
	"a trial is kept to its end, without leeway": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(1)).paused("void", nil)),
		want:     served("Trialing", oneDayLeft, "sub_A").until(day(1)),
	},
	"a trial, and the policy is to end access at once": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(1)).paused("void", nil)),
		policy:   strict,
		want:     refused("Paused", noDate, "sub_A"),
	},
	"a trial that ends this second": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(0)).paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"a trial that ends after collection resumes": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).paused("void", day(3))),
		want: served("Trialing", "The subscription is in its trial, which ends on 14 March 2026 at 12:00 UTC.", "sub_A").
			until(plus(day(4), leeway)),
	},
	"after a free trial": {
		customer: newCustomer().with("sub_A", sub("active").trialUntil(day(-1)).paidThrough(day(-1)).period(day(-1), day(29)).paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"past due: the period is not paid for, and grace is not served": {
		customer: newCustomer().with("sub_A", sub("past_due").became("past_due", day(-2)).period(day(-2), day(28)).paused("void", nil)),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"past due, and paid since": {
		customer: newCustomer().with("sub_A", sub("past_due").reported(day(-2)).lastPaid(day(-1)).paidThrough(day(20)).paused("void", nil)),
		want: served("SubscriptionActive", "The subscription is paid for. The paid period ends on 30 March 2026 at 12:00 UTC.", "sub_A").
			until(day(20)),
	},
	"past due within a paid period: grace is served, but not beyond the period": {
		customer: newCustomer().with("sub_A", sub("past_due").became("past_due", day(-2)).paidThrough(day(1)).paused("void", nil)),
		want:     served("GracePeriod", oneDayLeft, "sub_A").until(day(1)),
	},
	"refunded, and the policy for that is to suspend": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).paused("void", nil)).
			paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy: Policy{OnRefund: Suspend, OnVoidPause: AtPeriodEnd},
		want:   refused("AwaitingPayment", refund1, "sub_A").next(day(20)),
	},
	"a test clock simulates the end of the paid period": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-300)).period(day(-330), day(-300)).latest("paid").
			paused("void", nil).onTestClock()),
		want: served("SubscriptionActive", isActive, "sub_A"),
	},
	"a test clock was advanced beyond the paid period": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(300)).latest("void").paused("void", nil).onTestClock()),
		want:     refused("Paused", noDate, "sub_A"),
	},
	"kept as drafts: access continues": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("keep_as_draft", nil)),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"marked uncollectible: access continues": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("mark_uncollectible", nil)),
		policy:   strict,
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
}

func TestVoidPause(t *testing.T) { runDecisions(t, voidCases) }

// With the policy AtOnce a pause ends access, whatever the status.
func TestAVoidPauseAtOnceEndsAccessInEveryStatus(t *testing.T) {
	for _, status := range []string{"active", "trialing", "past_due"} {
		d := Decide(newCustomer().with("sub_A", sub(status).trialUntil(day(9)).paidThrough(day(9)).paused("void", nil)).in, strict, noon)
		if d.Entitled || d.Reason != "Paused" {
			t.Errorf("%s: entitled %t, %s", status, d.Entitled, d.Reason)
		}
	}
}
