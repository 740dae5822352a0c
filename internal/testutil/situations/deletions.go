package situations

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// isDeleted deletes the customer at Stripe. Stripe has ended its subscriptions just before.
func (l *Life) isDeleted() { l.report("customer.deleted", CustomerID, nil) }

// readsDeleted reads the deleted customer from Stripe's API.
func (l *Life) readsDeleted() {
	l.Readings = append(l.Readings, Reading{
		Object: Fields{"id": CustomerID, "object": "customer", "deleted": true}, ID: CustomerID, At: l.now,
	})
}

func deletions() Group {
	const (
		deleted     = "The customer was deleted at Stripe on day 10, which ended its subscriptions for good."
		grantedBySp = "Access was granted manually. It continues, even without a paid subscription, until the override is removed."
	)
	deletes := func(then ...func(*Life)) func(*Life) {
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(10)
			l.ends(subA)
			l.isDeleted()
			for _, step := range then {
				step(l)
			}
		}
	}
	deletesSilently := func(then ...func(*Life)) func(*Life) { // the event of the subscription's end is lost
		return func(l *Life) {
			l.subscribesAndPays()
			l.on(10)
			l.isDeleted()
			for _, step := range then {
				step(l)
			}
		}
	}
	return Group{
		Name:  "Deleted customers",
		Intro: "Stripe cancels the subscriptions of a customer that it deletes, and never brings one back.",
		Situations: []Situation{
			{
				Name: "A customer with an active subscription is deleted.", Life: deletes(),
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "The same, and the event of the subscription's end is lost.", Life: deletesSilently(),
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "An older event, of a change of the subscription, arrives after the deletion.",
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(9)
					l.change("customer.subscription.updated", subA, Fields{"default_payment_method": "pm_2"})
					l.on(10)
					l.isDeleted()
				},
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "An invoice of the subscription is paid after the deletion.",
				Life: func(l *Life) {
					l.failsToRenewWithin(5)
					l.on(10)
					l.isDeleted()
					l.on(11)
					l.pays("in_2", "ch_2")
				},
				Asked: 12 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "A customer without a subscription is deleted.", Life: func(l *Life) { l.signsUp(); l.on(10); l.isDeleted() },
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "A customer is deleted that bought a lifetime.", Life: buysOn(0, "lifetime", func(l *Life) { l.on(10); l.isDeleted() }),
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "A customer is deleted of whom not all is known.", HasKey: true,
				Life: func(l *Life) {
					l.add("", Customer(CustomerID, "ada@example.com", "Ada"))
					l.on(10)
					l.isDeleted()
				},
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "The customer is deleted, and access was granted.", Life: deletes(), Spec: v1alpha1.CustomerSpec{Access: v1alpha1.AccessGranted},
				Asked: 11 * Day, Want: yes("OverrideGranted", grantedBySp),
			}, {
				Name: "The customer is deleted, and an override grants access until day 20.", Life: deletes(), Spec: override(v1alpha1.OverrideGranted, 20),
				Asked: 11 * Day, Want: yes("OverrideGranted", grantedUntil+"day 20.").until(20 * Day),
			}, {
				Name: "The same, and the override has ended.", Life: deletes(), Spec: override(v1alpha1.OverrideGranted, 20),
				Asked: 20 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "The deletion is confirmed by a comparison on day 11.", HasKey: true,
				Life:  deletes(func(l *Life) { l.on(11); l.readsDeleted() }),
				Asked: 12 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "The event of the deletion is lost, and a comparison finds it on day 10.", HasKey: true,
				Life:  func(l *Life) { l.subscribesAndPays(); l.on(10); l.readsDeleted() },
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "The same, and an event of day 9 arrives after the comparison.", HasKey: true,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.readsDeleted()
					l.isDelayed()
					l.on(9)
					l.becomes(subA, "active", Fields{"default_payment_method": "pm_2"})
				},
				Asked: 11 * Day, Want: no("SubscriptionEnded", deleted),
			}, {
				Name: "The same, and the event of the deletion itself arrives after the comparison: it was on day 8.", HasKey: true,
				Life: func(l *Life) {
					l.subscribesAndPays()
					l.on(10)
					l.readsDeleted()
					l.isDelayed()
					l.on(8)
					l.isDeleted()
				},
				Asked: 11 * Day,
				Want:  no("SubscriptionEnded", "The customer was deleted at Stripe on day 8, which ended its subscriptions for good."),
			}, {
				Name: "A deletion was forged: Stripe, read on day 11, has the customer and the active subscription.", HasKey: true,
				Life: deletesSilently(func(l *Life) {
					l.on(11)
					l.reads(CustomerID)
					l.reads(subA)
					l.isListed()
				}),
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The same, of a customer of whom not all was known.", HasKey: true,
				Life: func(l *Life) {
					l.add("", Customer(CustomerID, "ada@example.com", "Ada"))
					l.on(10)
					l.isDeleted()
					l.on(11)
					l.reads(CustomerID)
				},
				Asked: 12 * Day, Want: notKnown("Not all of the customer's subscriptions are known yet. They are being read from Stripe. " +
					"Access stays as it is until then."),
			}, {
				Name: "A forged deletion was refuted on day 11, and is delivered again, with an earlier date.", HasKey: true,
				Life: deletesSilently(func(l *Life) {
					l.on(11)
					l.reads(CustomerID)
					l.reads(subA)
					l.isListed()
					l.isDelayed()
					l.on(9)
					l.isDeleted()
				}),
				Asked: 12 * Day, Want: yes("SubscriptionActive", isActive),
			}, {
				Name: "The customer was read on day 9, and is deleted on day 10.", HasKey: true,
				Life: deletesSilently(func(l *Life) {
					l.on(9)
					l.reads(CustomerID)
					l.reads(subA)
					l.isListed()
				}),
				Asked: 12 * Day, Want: no("SubscriptionEnded", deleted),
			},
		},
	}
}
