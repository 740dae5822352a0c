package events

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSubscriptionCreated(t *testing.T) {
	created := func(state v1alpha1.SubscriptionState) projection.Event {
		return projection.Event{
			CustomerID: customerID, SubscriptionID: subscriptionID,
			Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: state},
		}
	}
	to := func(status, when, plan string) v1alpha1.SubscriptionStatus {
		return v1alpha1.SubscriptionStatus{Plan: plan, StatusSince: map[string]metav1.Time{status: *at(when)}}
	}
	testType(t, "customer.subscription.created", showsState, map[string]eventCase{
		"2015-plan-only": { // the subscription itself has the plan and its quantity
			event: created(v1alpha1.SubscriptionState{
				Status:    "active",
				Items:     []v1alpha1.SubscriptionItem{with(item2017(), func(i *v1alpha1.SubscriptionItem) { *i.Quantity = 3 })},
				StartedAt: at("2015-11-01"), CurrentPeriodStart: at("2015-11-01"), CurrentPeriodEnd: at("2015-12-01"),
			}),
			subscription: to("active", "2015-11-01T10:00:02Z", "kite-monthly"),
		},
		"2017-trial": {
			event: created(v1alpha1.SubscriptionState{
				Status: "trialing", Items: []v1alpha1.SubscriptionItem{item2017()},
				StartedAt: at("2017-09-01"), CurrentPeriodStart: at("2017-09-01"), CurrentPeriodEnd: at("2017-09-15"),
				TrialStart: at("2017-09-01"), TrialEnd: at("2017-09-15"),
			}),
			subscription: to("trialing", "2017-09-01T10:00:02Z", "kite-monthly"),
		},
		"2019-billing": {
			event: created(v1alpha1.SubscriptionState{
				Status: "incomplete", Items: []v1alpha1.SubscriptionItem{item2018()}, CollectionMethod: "send_invoice",
				StartedAt: at("2019-04-01"), CurrentPeriodStart: at("2019-04-01"), CurrentPeriodEnd: at("2019-05-01"),
			}),
			subscription: to("incomplete", "2019-04-01T10:00:02Z", "Kite monthly"),
		},
		"2022-price": {
			event: created(v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2022-09-01"), CurrentPeriodStart: at("2022-09-01"), CurrentPeriodEnd: at("2022-10-01"),
				DefaultPaymentMethodID: methodID,
			}),
			subscription: to("active", "2022-09-01T10:00:02Z", "kite_monthly"),
		},
		"2025-periods-of-items": { // the period is that of the item that renews first; the price's metadata wins over the product's
			event: created(v1alpha1.SubscriptionState{
				Status: "active", CollectionMethod: "charge_automatically",
				Items: []v1alpha1.SubscriptionItem{
					with(item2020(), func(i *v1alpha1.SubscriptionItem) { i.Entitlements["tier"] = "pro" }),
					{
						Price: "price_1TollKiteYearly", Product: "prod_TollString", Quantity: new(int64(4)), UnitAmount: new(int64(9900)),
						Currency: "eur", Interval: "year", IntervalCount: 1,
					},
				},
				StartedAt: at("2025-05-01"), CurrentPeriodStart: at("2025-05-01"), CurrentPeriodEnd: at("2025-06-01"),
			}),
			subscription: to("active", "2025-05-01T10:00:02Z", "kite_monthly"),
		},
		"2026-both-shapes": { // every value that occurs twice is wrong in its old place
			event: created(v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2026-09-01"), CurrentPeriodStart: at("2026-09-01"), CurrentPeriodEnd: at("2026-10-01"),
				DefaultPaymentMethodID: methodID,
			}),
			subscription: to("active", "2026-09-01T10:00:02Z", "kite_monthly"),
		},
		"2026-nulls": {
			event: created(v1alpha1.SubscriptionState{}),
		},
	})
}
