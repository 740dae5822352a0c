package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSubscriptionPaused(t *testing.T) {
	testType(t, "customer.subscription.paused", showsState, map[string]eventCase{
		"2022-trial-ended": inStatus("2022", "paused", func(s *v1alpha1.SubscriptionState) {
			s.TrialStart, s.TrialEnd = at("2022-09-01"), at("2022-09-20")
		}),
		"2026-with-cause": inStatus("2026", "paused", func(s *v1alpha1.SubscriptionState) {
			s.PausedBy = "trial_end_without_payment_method"
		}),
	})
}

// inStatus is the subscription of most payloads in another status.
func inStatus(year, status string, changes ...func(*v1alpha1.SubscriptionState)) eventCase {
	state := v1alpha1.SubscriptionState{
		Status: status, Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically", StartedAt: at(year + "-09-01"),
		CurrentPeriodStart: at(year + "-09-01"), CurrentPeriodEnd: at(year + "-10-01"),
	}
	if year == "2026" {
		state.CurrentPeriodStart, state.CurrentPeriodEnd = at("2026-10-01"), at("2026-11-01")
	}
	for _, change := range changes {
		change(&state)
	}
	return eventCase{
		event: projection.Event{
			CustomerID: customerID, SubscriptionID: subscriptionID, Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: state},
		},
		subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly"},
	}
}
