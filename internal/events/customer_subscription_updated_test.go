package events

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSubscriptionUpdated(t *testing.T) {
	updated := func(previous string, state v1alpha1.SubscriptionState) projection.Event {
		return projection.Event{
			CustomerID: customerID, SubscriptionID: subscriptionID,
			Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: state, PreviousStatus: previous},
		}
	}
	unpaid := v1alpha1.SubscriptionState{
		Status: "unpaid", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
		StartedAt: at("2026-09-01"), CurrentPeriodStart: at("2026-10-01"), CurrentPeriodEnd: at("2026-11-01"),
		PauseCollection: &v1alpha1.PauseCollection{Behavior: "keep_as_draft"},
	}
	unpaidSince := v1alpha1.SubscriptionStatus{
		Plan: "kite_monthly", StatusSince: map[string]metav1.Time{"unpaid": *at("2026-11-01")},
	}
	testType(t, "customer.subscription.updated", showsState, map[string]eventCase{
		"2017-past-due": {
			event: updated("active", v1alpha1.SubscriptionState{
				Status: "past_due", Items: []v1alpha1.SubscriptionItem{item2017()},
				StartedAt: at("2017-09-01"), CurrentPeriodStart: at("2017-10-01"), CurrentPeriodEnd: at("2017-11-01"),
			}),
			subscription: v1alpha1.SubscriptionStatus{
				Plan: "kite-monthly", StatusSince: map[string]metav1.Time{"past_due": *at("2017-10-01T11:00:00Z")},
			},
		},
		"2019-new-start": { // start moves with the plan; the status does not change
			event: updated("", v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2018()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2019-04-01"), CurrentPeriodStart: at("2019-06-01"), CurrentPeriodEnd: at("2019-07-01"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "Kite monthly"},
		},
		"2022-cancel-at-period-end": {
			event: updated("", v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2022-09-01"), CurrentPeriodStart: at("2022-09-01"), CurrentPeriodEnd: at("2022-10-01"),
				CancelAtPeriodEnd: true, CancelAt: at("2022-10-01"), CanceledAt: at("2022-09-20"),
				CancellationReason: "cancellation_requested",
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly"},
		},
		"2023-paused-collection": { // with the customer and the payment method expanded
			event: updated("", v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2023-11-01"), CurrentPeriodStart: at("2023-11-01"), CurrentPeriodEnd: at("2023-12-01"),
				PauseCollection:        &v1alpha1.PauseCollection{Behavior: "void", ResumesAt: at("2024-02-01")},
				DefaultPaymentMethodID: methodID,
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly"},
		},
		"2026-cancel-at-only": {
			event: updated("", v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2026-09-01"), CurrentPeriodStart: at("2026-09-01"), CurrentPeriodEnd: at("2026-10-01"),
				CancelAt: at("2026-12-24"), CanceledAt: at("2026-09-10"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly"},
		},
		"2026-unpaid": {event: updated("past_due", unpaid), subscription: unpaidSince},
		"2026-account-only": { // Accounts v2: the customer is an Account
			event: with(updated("past_due", unpaid), func(e *projection.Event) {
				e.CustomerID, e.CustomerAccount = "", "acct_1TollKiteCustomer"
			}),
			customer:     v1alpha1.CustomerStatus{CustomerAccount: "acct_1TollKiteCustomer"},
			subscription: unpaidSince,
		},
	})
}
