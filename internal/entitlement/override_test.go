package entitlement

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	grantedFor3Days = "Access was granted manually. It continues, even without a paid subscription, " +
		"until the override ends on 13 March 2026 at 12:00 UTC."
	deniedFor3Days = "Access was denied manually. It stays off, even with a paid subscription, " +
		"until the override ends on 13 March 2026 at 12:00 UTC."
)

// overrideCases cover spec.override: what it decides while it runs, and what comes after.
var overrideCases = map[string]decisionCase{
	"granted for a time, without a subscription": {
		customer: newCustomer().override("Granted", day(3)),
		want:     served("OverrideGranted", grantedFor3Days).until(day(3)),
	},
	"granted for a time, and the subscription has ended": {
		customer: newCustomer().override("Granted", day(3)).with("sub_A", sub("canceled")),
		want:     served("OverrideGranted", grantedFor3Days, "sub_A").until(day(3)),
	},
	"granted for a time, and the subscription goes on: access has no end": {
		customer: newCustomer().override("Granted", day(3)).with("sub_A", sub("active")),
		want:     served("OverrideGranted", grantedFor3Days, "sub_A").next(day(3)),
	},
	"granted for a time, and the subscription ends later: access ends then": {
		customer: newCustomer().override("Granted", day(3)).with("sub_A", sub("active").cancelAt(day(5))),
		want: Decision{Entitled: true, Reason: "OverrideGranted", Message: grantedFor3Days, SubscriptionID: "sub_A",
			Entitling: []string{"sub_A"}, Next: day(3), Until: day(5)},
	},
	"granted for a time, and the subscription ends sooner: access ends with the override": {
		customer: newCustomer().override("Granted", day(3)).with("sub_A", sub("active").cancelAt(day(2))),
		want:     served("OverrideGranted", grantedFor3Days, "sub_A").until(day(3)),
	},
	"granted for a time, then spec.access grants for good": {
		customer: newCustomer().override("Granted", day(3)).access("Granted"),
		want:     served("OverrideGranted", grantedFor3Days).next(day(3)),
	},
	"granted for a time, then spec.access denies": {
		customer: newCustomer().override("Granted", day(3)).access("Denied").with("sub_A", sub("active")),
		want:     served("OverrideGranted", grantedFor3Days, "sub_A").until(day(3)),
	},
	"granted for a time, and after it nothing is known: that is no end": {
		customer: newCustomer().incomplete().override("Granted", day(3)),
		want:     served("OverrideGranted", grantedFor3Days).next(day(3)),
	},
	"granted without end": {
		customer: newCustomer().override("Granted", nil).access("Denied"),
		want:     served("OverrideGranted", granted),
	},
	"granted, in dispute and refunded": {
		customer: newCustomer().override("Granted", nil).with("sub_A", sub("active")).
			dispute("dp_1", "needs_response").paid("ch_1", "pi_1").refunded("ch_1", "pi_1", true),
		policy: strict,
		want:   served("OverrideGranted", granted, "sub_A"),
	},
	"denied for a time, though active": {
		customer: newCustomer().override("Denied", day(3)).with("sub_A", sub("active")),
		want:     refused("OverrideDenied", deniedFor3Days, "sub_A").next(day(3)),
	},
	"denied for a time, before spec.access, which grants": {
		customer: newCustomer().override("Denied", day(3)).access("Granted"),
		want:     refused("OverrideDenied", deniedFor3Days, "").next(day(3)),
	},
	"denied, and nothing is known": {
		customer: newCustomer().incomplete().withKey().override("Denied", nil),
		want:     refused("OverrideDenied", denied, ""),
	},
	"ended, and the subscription decides": {
		customer: newCustomer().override("Denied", day(-1)).with("sub_A", sub("active")),
		want:     served("SubscriptionActive", isActive, "sub_A"),
	},
	"ended this second, and spec.access decides": {
		customer: newCustomer().override("Granted", day(0)).access("Denied"),
		want:     refused("OverrideDenied", denied, ""),
	},
	"a fraction of a second is ignored": {
		customer: newCustomer().override("Granted", plus(day(0), 900*time.Millisecond)),
		want:     refused("NoSubscription", "The customer has no subscription.", ""),
	},
	"in another time zone": {
		customer: newCustomer().override("Granted", new(metav1.NewTime(day(3).In(time.FixedZone("", -5*60*60))))),
		want:     served("OverrideGranted", grantedFor3Days).until(day(3)),
	},
	"an end that no status can show is none": {
		customer: newCustomer().override("Granted", new(metav1.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -60*60)))),
		want:     served("OverrideGranted", granted),
	},
}

func TestOverride(t *testing.T) { runDecisions(t, overrideCases) }

// An override ends by the clock, to the second.
func TestAnOverrideEndsByTheClock(t *testing.T) {
	for access, want := range map[v1alpha1.OverrideAccess][2]string{
		v1alpha1.OverrideGranted: {"True OverrideGranted", "False OverrideDenied"},
		v1alpha1.OverrideDenied:  {"False OverrideDenied", "True OverrideGranted"},
	} {
		after := map[v1alpha1.OverrideAccess]v1alpha1.AccessMode{"Granted": "Denied", "Denied": "Granted"}[access]
		in := newCustomer().override(access, day(3)).access(after).in
		for offset, want := range map[time.Duration]string{-time.Second: want[0], 0: want[1], time.Second: want[1]} {
			d := Decide(in, plain, day(3).Add(offset))
			if diff := cmp.Diff(want, map[bool]string{true: "True ", false: "False "}[d.Entitled]+d.Reason); diff != "" {
				t.Errorf("%s, %s from its end (-want +got):\n%s", access, offset, diff)
			}
		}
	}
}
