package entitlement

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// subscriptionCases covers every row of the table in subscription.go: one subscription, and the decision by it.
var subscriptionCases = map[string]decisionCase{
	"active": {
		customer: newCustomer().with("sub_A", sub("active").period(day(-1), day(29))),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},
	"active, its period over: Stripe renews it, even if the event is late": {
		customer: newCustomer().with("sub_A", sub("active").period(day(-31), day(-1))),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},
	"active, to end at a moment": {
		customer: newCustomer().with("sub_A", sub("active").cancelAt(day(5))),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").until(day(5)),
	},
	"active, to end with its period": {
		customer: newCustomer().with("sub_A", sub("active").period(day(-1), day(29)).cancelAtPeriodEnd()),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 8 April 2026 at 12:00 UTC.", "sub_A").until(day(29)),
	},
	"active, to end both at a moment and with its period: the moment counts": {
		customer: newCustomer().with("sub_A", sub("active").period(day(-1), day(29)).cancelAtPeriodEnd().cancelAt(day(5))),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").until(day(5)),
	},
	"active, to end with its period, which is not known": {
		customer: newCustomer().with("sub_A", sub("active").cancelAtPeriodEnd()),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},
	"active, the scheduled end over": {
		customer: newCustomer().with("sub_A", sub("active").cancelAt(day(-1))),
		want:     refused("SubscriptionEnded", "The subscription ended on 9 March 2026 at 12:00 UTC, as scheduled.", "sub_A"),
	},
	"active, invoices voided for good, the paid period over": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("void", nil)),
		want:     refused("Paused", "Billing of the subscription is paused and its invoices are voided. No date is set for it to resume.", "sub_A"),
	},
	"active, invoices voided for a while, the paid period over": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("void", day(3))),
		want: refused("Paused",
			"Billing of the subscription is paused and its invoices are voided. Access resumes on 13 March 2026 at 12:00 UTC.", "sub_A").next(day(3)),
	},
	"active, resumed": {
		customer: newCustomer().with("sub_A", sub("active").paused("void", day(-3))),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},
	"active, resumed and to end": {
		customer: newCustomer().with("sub_A", sub("active").paused("void", day(-3)).cancelAt(day(5))),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").until(day(5)),
	},
	"active, invoices voided, to end: a scheduled end restores no access": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("void", nil).cancelAt(day(5))),
		want:     refused("Paused", "Billing of the subscription is paused and its invoices are voided. The subscription is scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").next(day(5)),
	},
	"active, invoices voided until after it ends": {
		customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("void", day(9)).cancelAt(day(5))),
		want: refused("Paused",
			"Billing of the subscription is paused and its invoices are voided. The subscription is scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").next(day(5)),
	},
	"active, invoices kept as drafts: access continues": {
		customer: newCustomer().with("sub_A", sub("active").paused("keep_as_draft", nil)),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},
	"active, invoices marked uncollectible: access continues": {
		customer: newCustomer().with("sub_A", sub("active").paused("mark_uncollectible", day(3))),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},

	"trialing": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4))),
		want: served("Trialing",
			"The subscription is in its trial, which ends on 14 March 2026 at 12:00 UTC.", "sub_A").until(plus(day(4), leeway)),
	},
	"trialing, its end known by the period only": {
		customer: newCustomer().with("sub_A", sub("trialing").period(day(-10), day(4))),
		want: served("Trialing",
			"The subscription is in its trial, which ends on 14 March 2026 at 12:00 UTC.", "sub_A").until(plus(day(4), leeway)),
	},
	"trialing, the trial's own end counts before the period's": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).period(day(-10), day(6))),
		want: served("Trialing",
			"The subscription is in its trial, which ends on 14 March 2026 at 12:00 UTC.", "sub_A").until(plus(day(4), leeway)),
	},
	"trialing, its end not known": {
		customer: newCustomer().with("sub_A", sub("trialing")),
		want:     served("Trialing", "The subscription is in its trial.", "sub_A"),
	},
	"trialing, its end not known, to end": {
		customer: newCustomer().with("sub_A", sub("trialing").cancelAt(day(2))),
		want:     served("Trialing", "The subscription is in its trial and scheduled to end on 12 March 2026 at 12:00 UTC.", "sub_A").until(day(2)),
	},
	"trialing, to end before the trial does": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).cancelAt(day(2))),
		want: served("Trialing",
			"The subscription is in its trial and scheduled to end on 12 March 2026 at 12:00 UTC.", "sub_A").until(day(2)),
	},
	"trialing, to end with the trial: no leeway": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).period(day(-10), day(4)).cancelAtPeriodEnd()),
		want: served("Trialing",
			"The subscription is in its trial and scheduled to end on 14 March 2026 at 12:00 UTC.", "sub_A").until(day(4)),
	},
	"trialing, the trial over and no event since": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(-1))),
		want: refused("AwaitingPayment",
			"The trial ended on 9 March 2026 at 12:00 UTC and Stripe has reported no payment since. Access resumes once it reports one.", "sub_A"),
	},
	"trialing, the trial over, to end later": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(-1)).cancelAt(day(5))),
		want: refused("AwaitingPayment",
			"The trial ended on 9 March 2026 at 12:00 UTC and Stripe has reported no payment since. Access resumes once it reports one.", "sub_A").
			next(day(5)),
	},
	"trialing, the scheduled end over": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(-1)).cancelAt(day(-1))),
		want:     refused("SubscriptionEnded", "The subscription ended on 9 March 2026 at 12:00 UTC, as scheduled.", "sub_A"),
	},

	"past due, in grace": {
		customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2))),
		want: served("GracePeriod",
			"A payment failed on 8 March 2026 at 12:00 UTC. Access ends on 15 March 2026 at 12:00 UTC unless it is paid by then.",
			"sub_A").until(day(5)),
	},
	"past due, in grace, to end before the grace does: paying would not help": {
		customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2)).cancelAt(day(1))),
		want: served("GracePeriod",
			"A payment failed on 8 March 2026 at 12:00 UTC. Access ends on 11 March 2026 at 12:00 UTC, when the subscription is scheduled to end.",
			"sub_A").until(day(1)),
	},
	"past due, in grace, to end after it": {
		customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2)).cancelAt(day(9))),
		want: served("GracePeriod",
			"A payment failed on 8 March 2026 at 12:00 UTC. Access ends on 15 March 2026 at 12:00 UTC unless it is paid by then.",
			"sub_A").until(day(5)),
	},
	"past due, grace over": {
		customer: newCustomer().with("sub_A", sub("past_due").seen(day(-8))),
		want: refused("PaymentFailed", "A payment failed on 2 March 2026 at 12:00 UTC "+
			"and the grace period ended on 9 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"past due, grace over, to end later": {
		customer: newCustomer().with("sub_A", sub("past_due").seen(day(-8)).cancelAt(day(5))),
		want: refused("PaymentFailed", "A payment failed on 2 March 2026 at 12:00 UTC "+
			"and the grace period ended on 9 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A").next(day(5)),
	},
	"past due, not known since when": {
		customer: newCustomer().with("sub_A", sub("past_due")),
		want:     refused("PaymentFailed", "A payment failed on an unknown date. Access resumes once it is paid.", "sub_A"),
	},
	"past due, not known since when, to end": {
		customer: newCustomer().with("sub_A", sub("past_due").cancelAt(day(5))),
		want: refused("PaymentFailed", "A payment failed on an unknown date. Access resumes once it is paid.", "sub_A").
			next(day(5)),
	},
	"past due, the scheduled end over": {
		customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2)).cancelAt(day(-1))),
		want:     refused("SubscriptionEnded", "The subscription ended on 9 March 2026 at 12:00 UTC, as scheduled.", "sub_A"),
	},
	"past due, the customer's own grace is longer": {
		customer: newCustomer().grace(2*week).with("sub_A", sub("past_due").seen(day(-8))),
		want: served("GracePeriod",
			"A payment failed on 2 March 2026 at 12:00 UTC. Access ends on 16 March 2026 at 12:00 UTC unless it is paid by then.",
			"sub_A").until(day(6)),
	},
	"past due, the customer's own grace is shorter": {
		customer: newCustomer().grace(24*time.Hour).with("sub_A", sub("past_due").seen(day(-2))),
		want: refused("PaymentFailed", "A payment failed on 8 March 2026 at 12:00 UTC "+
			"and the grace period ended on 9 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"past due, the customer has no grace": {
		customer: newCustomer().grace(0).with("sub_A", sub("past_due").seen(day(0))),
		want: refused("PaymentFailed", "A payment failed on 10 March 2026 at 12:00 UTC "+
			"and the grace period ended on 10 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},

	"unpaid": {
		customer: newCustomer().with("sub_A", sub("unpaid").seen(day(-2))),
		want: refused("PaymentFailed",
			"The subscription became unpaid: its payments failed and Stripe has stopped retrying. Access resumes once the open invoice is paid.", "sub_A"),
	},
	"unpaid, known since when": {
		customer: newCustomer().with("sub_A", sub("unpaid").became("unpaid", day(-2))),
		want: refused("PaymentFailed", "The subscription became unpaid on 8 March 2026 at 12:00 UTC: its payments failed and Stripe "+
			"has stopped retrying. Access resumes once the open invoice is paid.", "sub_A"),
	},
	"incomplete": {
		customer: newCustomer().with("sub_A", sub("incomplete")),
		want:     refused("AwaitingPayment", "The subscription waits for its first payment. Access starts once it succeeds.", "sub_A"),
	},
	"a trial on a test clock in the past": {
		customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(-400)).onTestClock()),
		want:     served("Trialing", "The subscription is in its trial.", "sub_A"),
	},
	"a scheduled end on a test clock in the past": {
		customer: newCustomer().with("sub_A", sub("active").cancelAt(day(-400)).onTestClock()),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"past due on a test clock: the events' times are real": {
		customer: newCustomer().with("sub_A", sub("past_due").became("past_due", day(-9)).onTestClock()),
		want: refused("PaymentFailed", "A payment failed on 1 March 2026 at 12:00 UTC and the grace period ended "+
			"on 8 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"paused at the end of a trial": {
		customer: newCustomer().with("sub_A", sub("paused").trialUntil(day(-1)).became("paused", day(-1))),
		want: refused("Paused", "The subscription was paused on 9 March 2026 at 12:00 UTC because its trial ended without a payment method. "+
			"Access resumes when the subscription does.", "sub_A"),
	},
	"paused on demand": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("api_request").trialUntil(day(-90))),
		want:     refused("Paused", "The subscription was paused. Access resumes when the subscription does.", "sub_A"),
	},
	"paused after the first failed payment, in grace": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(-2))),
		want: served("GracePeriod", "A payment failed on 8 March 2026 at 12:00 UTC. "+
			"Access ends on 15 March 2026 at 12:00 UTC unless it is paid by then.", "sub_A").until(day(5)),
	},
	"paused after the first failed payment, grace over": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(-9))),
		want: refused("PaymentFailed", "A payment failed on 1 March 2026 at 12:00 UTC and the grace period ended "+
			"on 8 March 2026 at 12:00 UTC. Access resumes once it is paid.", "sub_A"),
	},
	"paused after the first failed payment, and paid": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(-9)).
			reported(day(-9)).lastPaid(day(-1)).paidThrough(day(20))),
		want: served("SubscriptionActive", "The subscription is paid for. The paid period ends on 30 March 2026 at 12:00 UTC.",
			"sub_A").until(day(20)),
	},
	"paused after the last failed payment": {
		customer: newCustomer().with("sub_A", sub("paused").pausedBy("final_payment_failure").became("paused", day(-1))),
		want: refused("PaymentFailed", "The subscription was paused on 9 March 2026 at 12:00 UTC after its last payment "+
			"attempt failed. Access resumes once the open invoice is paid.", "sub_A"),
	},
	"paused by Stripe, known since when": {
		customer: newCustomer().with("sub_A", sub("paused").became("trialing", day(-9)).became("paused", day(-1))),
		want: refused("Paused",
			"The subscription was paused on 9 March 2026 at 12:00 UTC. Access resumes when the subscription does.", "sub_A"),
	},
	"canceled": {
		customer: newCustomer().with("sub_A", sub("canceled").ended(day(-1))),
		want:     refused("SubscriptionEnded", "The subscription was canceled and ended on 9 March 2026 at 12:00 UTC.", "sub_A"),
	},
	"canceled, not known when": {
		customer: newCustomer().with("sub_A", sub("canceled")),
		want:     refused("SubscriptionEnded", "The subscription was canceled and ended.", "sub_A"),
	},
	"canceled, in a period that was paid for: canceled counts": {
		customer: newCustomer().with("sub_A", sub("canceled").paidThrough(day(20))),
		want:     refused("SubscriptionEnded", "The subscription was canceled and ended.", "sub_A"),
	},
	"expired": {
		customer: newCustomer().with("sub_A", sub("incomplete_expired")),
		want:     refused("SubscriptionEnded", "The subscription expired: its first payment was never made.", "sub_A"),
	},

	"status not reported, paid for": {
		customer: newCustomer().with("sub_A", sub("").paidThrough(day(20))),
		want: served("SubscriptionActive",
			"The subscription is paid for. The paid period ends on 30 March 2026 at 12:00 UTC.", "sub_A").next(day(20)),
	},
	"status not reported, the paid period over": {
		customer: newCustomer().with("sub_A", sub("").paidThrough(day(-1))),
		want:     notKnown("Stripe has not reported the subscription's status yet. Access stays as it is until it does.", "sub_A"),
	},
	"status not reported": {
		customer: newCustomer().with("sub_A", sub("")),
		want:     notKnown("Stripe has not reported the subscription's status yet. Access stays as it is until it does.", "sub_A"),
	},
	"an unknown status, paid for": {
		customer: newCustomer().with("sub_A", sub("hibernating").paidThrough(day(20))),
		want: served("SubscriptionActive",
			"The subscription is paid for. The paid period ends on 30 March 2026 at 12:00 UTC.", "sub_A").next(day(20)),
	},
	"an unknown status": {
		customer: newCustomer().with("sub_A", sub("hibernating")),
		want: notKnown(
			"The subscription has the status hibernating, which this version does not know. Access stays as it is until that changes.", "sub_A"),
	},
}

func TestSubscription(t *testing.T) { runDecisions(t, subscriptionCases) }

// Every deadline is the first moment of what comes after it.
func TestDeadlines(t *testing.T) {
	for name, tc := range map[string]struct {
		customer                *customer
		policy                  *Policy // nil for the plain one
		deadline                *metav1.Time
		wantBefore, wantOnwards string
	}{
		"trial and its leeway": {
			customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4))),
			deadline: plus(day(4), leeway), wantBefore: "Trialing", wantOnwards: "AwaitingPayment",
		},
		"grace": {
			customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2))),
			deadline: day(5), wantBefore: "GracePeriod", wantOnwards: "PaymentFailed",
		},
		"grace of a customer that has never paid": {
			customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2))), policy: &Policy{GracePeriodNeverPaid: new(3 * 24 * time.Hour)},
			deadline: day(1), wantBefore: "GracePeriod", wantOnwards: "PaymentFailed",
		},
		"scheduled end of one that was paused after a failed payment": {
			customer: newCustomer().with("sub_A", sub("paused").pausedBy("first_payment_failure").became("paused", day(-2)).cancelAt(day(1))),
			deadline: day(1), wantBefore: "GracePeriod", wantOnwards: "SubscriptionEnded",
		},
		"the customer's own grace": {
			customer: newCustomer().grace(time.Hour).with("sub_A", sub("past_due").seen(day(0))),
			deadline: plus(day(0), time.Hour), wantBefore: "GracePeriod", wantOnwards: "PaymentFailed",
		},
		"scheduled end of an active one, at a moment": {
			customer: newCustomer().with("sub_A", sub("active").cancelAt(day(5))),
			deadline: day(5), wantBefore: "SubscriptionActive", wantOnwards: "SubscriptionEnded",
		},
		"scheduled end of an active one, with its period": {
			customer: newCustomer().with("sub_A", sub("active").period(day(-1), day(29)).cancelAtPeriodEnd()),
			deadline: day(29), wantBefore: "SubscriptionActive", wantOnwards: "SubscriptionEnded",
		},
		"scheduled end of a trial": {
			customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).cancelAt(day(4))),
			deadline: day(4), wantBefore: "Trialing", wantOnwards: "SubscriptionEnded",
		},
		"scheduled end after a trial": {
			customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).cancelAt(day(9))),
			deadline: day(9), wantBefore: "AwaitingPayment", wantOnwards: "SubscriptionEnded",
		},
		"scheduled end in grace": {
			customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2)).cancelAt(day(1))),
			deadline: day(1), wantBefore: "GracePeriod", wantOnwards: "SubscriptionEnded",
		},
		"scheduled end after grace": {
			customer: newCustomer().with("sub_A", sub("past_due").seen(day(-2)).cancelAt(day(9))),
			deadline: day(9), wantBefore: "PaymentFailed", wantOnwards: "SubscriptionEnded",
		},
		"pause": {
			customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("void", day(3))),
			deadline: day(3), wantBefore: "Paused", wantOnwards: "SubscriptionActive",
		},
		"the paid period of a paused one": {
			customer: newCustomer().with("sub_A", sub("active").paidThrough(day(20)).paused("void", nil)),
			deadline: day(20), wantBefore: "SubscriptionActive", wantOnwards: "Paused",
		},
		"the trial of a paused one": {
			customer: newCustomer().with("sub_A", sub("trialing").trialUntil(day(4)).paused("void", day(9))),
			deadline: day(4), wantBefore: "Trialing", wantOnwards: "Paused",
		},
		"scheduled end of a paused one": {
			customer: newCustomer().with("sub_A", sub("active").paidThrough(day(-1)).paused("void", nil).cancelAt(day(3))),
			deadline: day(3), wantBefore: "Paused", wantOnwards: "SubscriptionEnded",
		},
		"a paid period": {
			customer: newCustomer().with("sub_A", sub("").paidThrough(day(20))),
			deadline: day(20), wantBefore: "SubscriptionActive", wantOnwards: "StateNotKnown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for offset, want := range map[time.Duration]string{
				-time.Second: tc.wantBefore, 0: tc.wantOnwards, time.Second: tc.wantOnwards,
			} {
				got := Decide(tc.customer.in, *orPlain(tc.policy), tc.deadline.Add(offset))
				if diff := cmp.Diff(want, got.Reason); diff != "" {
					t.Errorf("reason %s from the deadline (-want +got):\n%s", offset, diff)
				}
			}
			if got := Decide(tc.customer.in, *orPlain(tc.policy), tc.deadline.Add(-time.Second)).Next; !got.Equal(tc.deadline) {
				t.Errorf("a second before the deadline Next = %v, want %v", got, tc.deadline)
			}
		})
	}
}

// Grace starts when the subscription came into past due, else when it was first seen so. Invoices do not matter.
func TestGraceStart(t *testing.T) {
	for name, tc := range map[string]struct {
		subscription *subscription
		want         *metav1.Time
	}{
		"the change of status": {
			subscription: sub("past_due").became("past_due", day(-4)).seen(day(-5)).reported(day(-1)).period(day(-6), day(24)),
			want:         day(-4),
		},
		"several changes of status: the one to this status": {
			subscription: sub("past_due").became("active", day(-9)).became("past_due", day(-4)).became("trialing", day(-20)),
			want:         day(-4),
		},
		"no change known: when it was first seen past due, not when it was last": {
			subscription: sub("past_due").seen(day(-3)).reported(day(-1)).period(day(-31), day(-1)),
			want:         day(-3),
		},
		"first seen in an earlier run, and active since: when it was reported": {
			subscription: sub("past_due").seen(day(-40)).became("active", day(-33)).reported(day(-3)),
			want:         day(-3),
		},
		"it came into past due in an earlier run: when it was reported": {
			subscription: sub("past_due").became("past_due", day(-60)).became("active", day(-50)).seen(day(-60)).reported(day(-2)),
			want:         day(-2),
		},
		"nothing known": {
			subscription: sub("past_due").period(day(-6), day(24)),
			want:         nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, graceStart(&tc.subscription.status)); diff != "" {
				t.Errorf("graceStart (-want +got):\n%s", diff)
			}
		})
	}
}

// severalCases have more than one subscription.
var severalCases = map[string]decisionCase{
	"active before trialing before grace; the last one to end counts": {
		customer: newCustomer().
			with("sub_G", sub("past_due").seen(day(-2))).
			with("sub_T", sub("trialing").trialUntil(day(9)).cancelAt(day(9))).
			with("sub_A", sub("active").cancelAt(day(3))),
		want: Decision{
			Entitled: true, Reason: "SubscriptionActive", SubscriptionID: "sub_A", Entitling: []string{"sub_A", "sub_T", "sub_G"},
			Message: "The subscription is active and scheduled to end on 13 March 2026 at 12:00 UTC.",
			Next:    day(3), Until: day(9),
		},
	},
	"one has no end: access does not end, but the grace of the other does": {
		customer: newCustomer().
			with("sub_G", sub("past_due").seen(day(-2))).
			with("sub_Z", sub("active")),
		want: served("SubscriptionActive", "The subscription is active.", "sub_Z", "sub_G").next(day(5)),
	},
	"one resumes before the other ends: access continues": {
		customer: newCustomer().
			with("sub_E", sub("active").cancelAt(day(5))).
			with("sub_R", sub("active").paidThrough(day(-1)).paused("void", day(3))),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_E").next(day(3)),
	},
	"one resumes as the other ends: access continues": {
		customer: newCustomer().
			with("sub_E", sub("active").cancelAt(day(5))).
			with("sub_R", sub("active").paidThrough(day(-1)).paused("void", day(5))),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_E").next(day(5)),
	},
	"one resumes after the other ended: access stops in between": {
		customer: newCustomer().
			with("sub_E", sub("active").cancelAt(day(5))).
			with("sub_R", sub("active").paidThrough(day(-1)).paused("void", day(7))),
		want: served("SubscriptionActive",
			"The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_E").until(day(5)),
	},
	"an active one comes before a newer one that ended": {
		customer: newCustomer().
			with("sub_A", sub("canceled").started(day(-1))).
			with("sub_B", sub("active").started(day(-100))),
		want: served("SubscriptionActive", "The subscription is active.", "sub_B"),
	},
	"a failed payment comes before a pause": {
		customer: newCustomer().with("sub_A", sub("paused")).with("sub_B", sub("unpaid")),
		want: refused("PaymentFailed",
			"The subscription became unpaid: its payments failed and Stripe has stopped retrying. Access resumes once the open invoice is paid.", "sub_B"),
	},
	"a pause comes before a payment not made yet": {
		customer: newCustomer().with("sub_A", sub("incomplete")).with("sub_B", sub("paused")),
		want:     refused("Paused", "The subscription was paused. Access resumes when the subscription does.", "sub_B"),
	},
	"a payment not made yet comes before an end": {
		customer: newCustomer().with("sub_A", sub("canceled")).with("sub_B", sub("incomplete")),
		want:     refused("AwaitingPayment", "The subscription waits for its first payment. Access starts once it succeeds.", "sub_B"),
	},
	"a change of a subscription that does not decide is no change": {
		customer: newCustomer().
			with("sub_A", sub("past_due").seen(day(-9)).cancelAt(day(2))).
			with("sub_Z", sub("active")),
		want: served("SubscriptionActive", "The subscription is active.", "sub_Z"),
	},
	"of equals, the newest decides": {
		customer: newCustomer().
			with("sub_A", sub("active").started(day(-9))).
			with("sub_B", sub("active").started(day(-1))).
			with("sub_C", sub("active").started(day(-5))),
		want: served("SubscriptionActive", "The subscription is active.", "sub_B", "sub_C", "sub_A"),
	},
	"of equals, one whose start is known decides": {
		customer: newCustomer().with("sub_A", sub("active")).with("sub_B", sub("active").started(day(-9))),
		want:     served("SubscriptionActive", "The subscription is active.", "sub_B", "sub_A"),
	},
	"of equals of one second, the lowest id decides": {
		customer: newCustomer().
			with("sub_C", sub("active").started(day(-1))).
			with("sub_A", sub("active").started(day(-1))).
			with("sub_B", sub("active").started(day(-1))),
		want: served("SubscriptionActive", "The subscription is active.", "sub_A", "sub_B", "sub_C"),
	},
}

func TestSeveralSubscriptions(t *testing.T) { runDecisions(t, severalCases) }

func plus(t *metav1.Time, d time.Duration) *metav1.Time { return &metav1.Time{Time: t.Add(d)} }

func orPlain(policy *Policy) *Policy {
	if policy == nil {
		return &plain
	}
	return policy
}
