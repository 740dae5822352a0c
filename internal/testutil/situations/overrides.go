package situations

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

func overrides() Group {
	const (
		granted = "Access was granted manually. It continues, even without a paid subscription, until the override is removed."
		denied  = "Access was denied manually. It stays off, even with a paid subscription, until the override is removed."
	)
	grant := v1alpha1.CustomerSpec{Access: v1alpha1.AccessGranted}
	deny := v1alpha1.CustomerSpec{Access: v1alpha1.AccessDenied}
	return Group{
		Name: "Manual access",
		Situations: []Situation{
			{
				Name: "Access is granted, without a subscription.", Life: func(l *Life) { l.signsUp() }, Spec: grant,
				Asked: Day, Want: yes("OverrideGranted", granted),
			}, {
				Name: "Access is granted, after grace.", Life: (*Life).failsToRenew, Spec: grant,
				Asked: 40 * Day, Want: yes("OverrideGranted", granted),
			}, {
				Name: "Access is granted. The subscription is scheduled to end.", Spec: grant,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(20)})
				},
				Asked: 10 * Day, Want: yes("OverrideGranted", granted),
			}, {
				Name: "Access is granted. The payment is disputed.", Spec: grant, Flags: onDispute,
				Life:  func(l *Life) { l.subscribesAndPays(); l.disputes("dp_1", "ch_1") },
				Asked: Day, Want: yes("OverrideGranted", granted),
			}, {
				Name: "Access is denied, with an active subscription.", Life: (*Life).subscribesAndPays, Spec: deny,
				Asked: Day, Want: no("OverrideDenied", denied),
			}, {
				Name: "Access is denied, and the customer's subscriptions are not known.", Spec: deny, HasKey: true,
				Life: func(l *Life) {
					l.subscribes(subA, "active")
					l.ends(subA)
				},
				Asked: Day, Want: no("OverrideDenied", denied),
			},
		},
	}
}
