package entitlement

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// reported sets when Stripe created the event that reported the status.
func (s *subscription) reported(t *metav1.Time) *subscription {
	s.status.Positions = statePosition(t)
	return s
}

func statePosition(t *metav1.Time) v1alpha1.Positions {
	return v1alpha1.Positions{"state": {Authority: v1alpha1.AuthorityState, Created: *t, EventID: "evt_1"}}
}

// A payment is two events: the paid invoice may arrive before the update that makes the subscription active again.
func TestPaidSinceTheStatusWasReported(t *testing.T) {
	const paid = "True SubscriptionActive The subscription is paid for. The paid period ends on 30 March 2026 at 12:00 UTC."
	for name, tc := range map[string]struct {
		sub  *subscription
		want string
	}{
		"past due":          {sub("past_due").reported(day(-20)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"unpaid":            {sub("unpaid").reported(day(-20)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"incomplete":        {sub("incomplete").reported(day(-1)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"a trial is over":   {sub("trialing").trialUntil(day(-1)).reported(day(-14)).lastPaid(day(-1)).paidThrough(day(20)), paid},
		"a trial continues": {sub("trialing").trialUntil(day(1)).reported(day(-14)).lastPaid(day(-14)).paidThrough(day(1)), trialContinues},
		"paid for as an earlier version stored it, by an invoice of which the first lines are known": {
			sub("unpaid").reported(day(-20)).lastPaid(day(-1)).period(day(-10), day(20)).paidBy("in_1", day(-1), "", ""), paid,
		},
		"a test clock simulates when a newer invoice is due": {
			sub("past_due").reported(day(-20)).lastPaid(day(-1)).latest("open").due(day(-400)).onTestClock(), "True SubscriptionActive The subscription is paid for.",
		},
		"canceled, but paid since": {sub("canceled").reported(day(-20)).lastPaid(day(-1)).paidThrough(day(20)),
			"False SubscriptionEnded The subscription was canceled and ended."},
		"paid before it failed": {sub("past_due").reported(day(-10)).lastPaid(day(-11)).paidThrough(day(20)).became("past_due", day(-10)),
			"False PaymentFailed A payment failed on 28 February 2026 at 12:00 UTC and the grace period ended on 7 March 2026 at 12:00 UTC. Access resumes once it is paid."},
		"paid for a period that is over": {sub("unpaid").reported(day(-20)).lastPaid(day(-1)).paidThrough(day(0)),
			"False PaymentFailed The subscription became unpaid: its payments failed and Stripe has stopped retrying. Access resumes once the open invoice is paid."},
		"the paid period is not known": {sub("unpaid").reported(day(-20)).lastPaid(day(-1)),
			"False PaymentFailed The subscription became unpaid: its payments failed and Stripe has stopped retrying. Access resumes once the open invoice is paid."},
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

const trialContinues = "True Trialing The subscription is in its trial, which ends on 11 March 2026 at 12:00 UTC."
