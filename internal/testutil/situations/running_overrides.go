package situations

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	grantedUntil = "Access was granted manually. It continues, even without a paid subscription, until the override ends on "
	deniedUntil  = "Access was denied manually. It stays off, even with a paid subscription, until the override ends on "
)

// override is a person's decision that ends on a day.
func override(access v1alpha1.OverrideAccess, day int, later ...time.Duration) v1alpha1.CustomerSpec {
	until := dayTime(day)
	for _, d := range later {
		until = until.Add(d)
	}
	return v1alpha1.CustomerSpec{Override: &v1alpha1.Override{Access: access, Until: &metav1.Time{Time: until}}}
}

// overAccess is an override beside spec.access.
func overAccess(spec v1alpha1.CustomerSpec, access v1alpha1.AccessMode) v1alpha1.CustomerSpec {
	spec.Access = access
	return spec
}

func runningOverrides() Group {
	const (
		granted = "Access was granted manually. It continues, even without a paid subscription, until the override is removed."
		denied  = "Access was denied manually. It stays off, even with a paid subscription, until the override is removed."
	)
	grant := func(day int) v1alpha1.CustomerSpec { return override(v1alpha1.OverrideGranted, day) }
	deny := func(day int) v1alpha1.CustomerSpec { return override(v1alpha1.OverrideDenied, day) }
	return Group{
		Name:  "Overrides that end",
		Intro: "While `spec.override` runs, it decides before everything else. After that, everything is as if it were not there.",
		Situations: []Situation{
			{
				Name: "Access is granted until day 10, without a subscription.", Life: (*Life).signsUp, Spec: grant(10),
				Asked: 5 * Day, Want: yes("OverrideGranted", grantedUntil+"day 10.").until(10 * Day),
			}, {
				Name: "That override has just ended.", Life: (*Life).signsUp, Spec: grant(10),
				Asked: 10 * Day, Want: no("NoSubscription", "The customer has no subscription."),
			}, {
				Name: "The override's end has a fraction of a second, which is ignored.", Life: (*Life).signsUp,
				Spec:  override(v1alpha1.OverrideGranted, 10, time.Second/2),
				Asked: 10 * Day, Want: no("NoSubscription", "The customer has no subscription."),
			}, {
				Name: "Access is granted for three days more, after grace.", Life: (*Life).failsToRenew, Spec: grant(40),
				Asked: 38 * Day, Want: yes("OverrideGranted", grantedUntil+"day 40.").until(40 * Day),
			}, {
				Name: "Those three days are over. Nothing is paid.", Life: (*Life).failsToRenew, Spec: grant(40),
				Asked: 41 * Day, Want: no("PaymentFailed", graceIsOver),
			}, {
				Name: "Access is granted until day 33. Grace runs until day 37.", Life: (*Life).failsToRenew, Spec: grant(33),
				Asked: 31 * Day, Want: yes("OverrideGranted", grantedUntil+"day 33.").until(37 * Day),
			}, {
				Name: "Access is granted until day 10, and the subscription is active.", Life: (*Life).subscribesAndPays, Spec: grant(10),
				Asked: 5 * Day, Want: yes("OverrideGranted", grantedUntil+"day 10."),
			}, {
				Name: "Access is granted until day 10. The trial runs, and Stripe's word ends it.", Life: startsTrial, Spec: grant(10),
				Asked: 5 * Day, Want: yes("OverrideGranted", grantedUntil+"day 10."),
			}, {
				Name: "Access is granted until day 10. A purchase runs until day 30.", Spec: grant(10),
				Life:  func(l *Life) { l.signsUp(); l.buys("cs_1", "30d") },
				Asked: 5 * Day, Want: yes("OverrideGranted", grantedUntil+"day 10.").until(30 * Day),
			}, {
				Name: "Access is granted until day 10, and the customer's subscriptions are not known.", Spec: grant(10), HasKey: true,
				Life:  func(l *Life) { l.subscribes(subA, "active"); l.ends(subA) },
				Asked: 5 * Day, Want: yes("OverrideGranted", grantedUntil+"day 10."),
			}, {
				Name: "Access is granted until day 20. The payment is disputed.", Spec: grant(20), Flags: onDispute,
				Life:  func(l *Life) { l.subscribesAndPays(); l.on(10); l.disputes("dp_1", "ch_1") },
				Asked: 11 * Day, Want: yes("OverrideGranted", grantedUntil+"day 20.").until(20 * Day),
			}, {
				Name: "Access is denied until day 10, with an active subscription.", Life: (*Life).subscribesAndPays, Spec: deny(10),
				Asked: 5 * Day, Want: no("OverrideDenied", deniedUntil+"day 10."),
			}, {
				Name: "That override has just ended.", Life: (*Life).subscribesAndPays, Spec: deny(10),
				Asked: 10 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "Access is denied until day 10, with a lifetime that was bought.", Spec: deny(10),
				Life:  func(l *Life) { l.signsUp(); l.buys("cs_1", "lifetime") },
				Asked: 5 * Day, Want: no("OverrideDenied", deniedUntil+"day 10."),
			}, {
				Name: "`spec.access` denies, and an override grants until day 10.", Life: (*Life).subscribesAndPays,
				Spec:  overAccess(grant(10), v1alpha1.AccessDenied),
				Asked: 5 * Day, Want: yes("OverrideGranted", grantedUntil+"day 10.").until(10 * Day),
			}, {
				Name: "That override has ended, and `spec.access` denies again.", Life: (*Life).subscribesAndPays,
				Spec:  overAccess(grant(10), v1alpha1.AccessDenied),
				Asked: 10 * Day, Want: no("OverrideDenied", denied),
			}, {
				Name: "`spec.access` grants, and an override denies until day 10.", Life: (*Life).signsUp,
				Spec:  overAccess(deny(10), v1alpha1.AccessGranted),
				Asked: 5 * Day, Want: no("OverrideDenied", deniedUntil+"day 10."),
			}, {
				Name: "That override has ended, and `spec.access` grants again.", Life: (*Life).signsUp,
				Spec:  overAccess(deny(10), v1alpha1.AccessGranted),
				Asked: 11 * Day, Want: yes("OverrideGranted", granted),
			}, {
				Name: "An override grants access and has no end.", Life: (*Life).signsUp,
				Spec:  v1alpha1.CustomerSpec{Override: &v1alpha1.Override{Access: v1alpha1.OverrideGranted}},
				Asked: 300 * Day, Want: yes("OverrideGranted", granted),
			}, {
				Name: "An override denies access and has no end. `spec.access` grants it.", Life: (*Life).subscribesAndPays,
				Spec: v1alpha1.CustomerSpec{
					Access: v1alpha1.AccessGranted, Override: &v1alpha1.Override{Access: v1alpha1.OverrideDenied},
				},
				Asked: Day, Want: no("OverrideDenied", denied),
			},
		},
	}
}
