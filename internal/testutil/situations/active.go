package situations

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

func active() Group {
	return Group{
		Name: "Active",
		Situations: []Situation{
			{
				Name:  "The subscription is active.",
				Life:  func(l *Life) { l.signsUp(); l.subscribes(subA, "active") },
				Asked: 5 * Day,
				Want:  Want{Entitled: metav1.ConditionTrue, Reason: "SubscriptionActive", Message: "The subscription is active."},
			},
			{
				Name: "The customer cancels at the end of the period.",
				Life: func(l *Life) {
					l.signsUp()
					l.subscribes(subA, "active")
					l.on(5)
					l.becomes(subA, "active", Fields{"cancel_at_period_end": true})
				},
				Asked: 6 * Day,
				Want: Want{
					Entitled: metav1.ConditionTrue, Reason: "SubscriptionActive", Until: 30 * Day,
					Message: "The subscription is active and scheduled to end on day 30.",
				},
			},
		},
	}
}
