package entitlement

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// told says when Stripe made the event that told the status.
func (s *subscription) told(t *metav1.Time) *subscription {
	s.status.Positions = map[string]v1alpha1.Position{"state": {Authority: v1alpha1.AuthorityState, Created: *t, EventID: "evt_1"}}
	return s
}

// Two events are one change: that an invoice is paid may come before the word that its subscription is active again.
func TestPaidSinceTheStatusWasTold(t *testing.T) {
	const paid = "True SubscriptionActive Subscription sub_A is paid for and its period ends on 2026-03-30 12:00 UTC."
	for name, tc := range map[string]struct {
		sub  *subscription
		want string
	}{
		"past due":        {sub("past_due").told(day(-20)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"unpaid":          {sub("unpaid").told(day(-20)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"incomplete":      {sub("incomplete").told(day(-1)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"a trial is over": {sub("trialing").trialUntil(day(-1)).told(day(-14)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"a trial goes on": {sub("trialing").trialUntil(day(1)).told(day(-14)).lastPaid(day(-14)).paidThrough(day(1)), trialGoesOn},
		"canceled all the same": {sub("canceled").told(day(-20)).lastPaid(day(-1)).paidThrough(day(20)),
			"False SubscriptionEnded Subscription sub_A was canceled."},
		"paid before it failed": {sub("past_due").told(day(-10)).lastPaid(day(-11)).paidThrough(day(20)).became("past_due", day(-10)),
			"False PaymentFailed A payment for subscription sub_A failed on 2026-02-28 12:00 UTC and the grace period ended on 2026-03-07 12:00 UTC."},
		"paid for a period that is over": {sub("unpaid").told(day(-20)).lastPaid(day(-1)).paidThrough(day(0)),
			"False PaymentFailed Subscription sub_A is unpaid: its payments failed and Stripe has stopped trying."},
		"nothing says what was paid for": {sub("unpaid").told(day(-20)).lastPaid(day(-1)),
			"False PaymentFailed Subscription sub_A is unpaid: its payments failed and Stripe has stopped trying."},
	} {
		t.Run(name, func(t *testing.T) {
			d := Decide(newCustomer().with("sub_A", tc.sub).in, plain, noon)
			got := map[bool]string{true: "True ", false: "False "}[d.Entitled] + d.Reason + " " + d.Message
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

const trialGoesOn = "True Trialing Subscription sub_A is in its trial, which ends on 2026-03-11 12:00 UTC."

// Being in a status that it has left since is no start of grace.
func TestGraceDoesNotStartWithAnOldTransition(t *testing.T) {
	s := sub("past_due").became("past_due", day(-60)).became("active", day(-50)).period(day(-2), day(28))
	if diff := cmp.Diff(day(-2), GraceStart(&s.status)); diff != "" {
		t.Errorf("grace starts (-want +got):\n%s", diff)
	}
}

// Collection paused with no service is no service, whatever the status.
func TestVoidedWhateverTheStatus(t *testing.T) {
	for _, status := range []string{"active", "trialing", "past_due"} {
		d := Decide(newCustomer().with("sub_A", sub(status).trialUntil(day(9)).paused("void", nil)).in, plain, noon)
		if d.Entitled || d.Reason != v1alpha1.ReasonPaused {
			t.Errorf("%s: entitled %t, %s", status, d.Entitled, d.Reason)
		}
	}
}
