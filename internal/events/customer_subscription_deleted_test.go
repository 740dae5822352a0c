package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSubscriptionDeleted(t *testing.T) {
	deleted := func(state v1alpha1.SubscriptionState) projection.Event {
		return projection.Event{
			CustomerID: customerID, SubscriptionID: subscriptionID,
			Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: state},
		}
	}
	testType(t, "customer.subscription.deleted", showsState, map[string]eventCase{
		"2017-canceled": {
			event: deleted(v1alpha1.SubscriptionState{
				Status: "canceled", Items: []v1alpha1.SubscriptionItem{item2017()}, CancelAtPeriodEnd: true,
				StartedAt: at("2017-09-01"), CurrentPeriodStart: at("2017-11-01"), CurrentPeriodEnd: at("2017-12-01"),
				CanceledAt: at("2017-11-20"), EndedAt: at("2017-12-01"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite-monthly"},
		},
		"2019-last-word-active": { // it is canceled nevertheless
			event: deleted(v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2018()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2019-04-01"), CurrentPeriodStart: at("2019-05-01"), CurrentPeriodEnd: at("2019-06-01"),
				CanceledAt: at("2019-05-05"), EndedAt: at("2019-05-05"),
			}),
			subscription: v1alpha1.SubscriptionStatus{
				Plan: "Kite monthly", SubscriptionState: v1alpha1.SubscriptionState{Status: "canceled"},
			},
		},
		"2023-incomplete-expired": {
			event: deleted(v1alpha1.SubscriptionState{
				Status: "incomplete_expired", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2023-11-01"), CurrentPeriodStart: at("2023-11-01"), CurrentPeriodEnd: at("2023-12-01"),
				EndedAt: at("2023-11-02"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly"},
		},
		"2026-disputed": {
			event: deleted(v1alpha1.SubscriptionState{
				Status: "canceled", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2026-09-01"), CurrentPeriodStart: at("2026-09-01"), CurrentPeriodEnd: at("2026-10-01"),
				CanceledAt: at("2026-09-12"), EndedAt: at("2026-09-12"), CancellationReason: "payment_disputed",
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly"},
		},
	})
}
