package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerSubscriptionTrialWillEnd(t *testing.T) {
	ending := func(state v1alpha1.SubscriptionState) projection.Event {
		return projection.Event{
			CustomerID: customerID, SubscriptionID: subscriptionID,
			Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: state},
		}
	}
	testType(t, "customer.subscription.trial_will_end", showsState, map[string]eventCase{
		"2017-three-days-left": {
			event: ending(v1alpha1.SubscriptionState{
				Status: "trialing", Items: []v1alpha1.SubscriptionItem{item2017()},
				StartedAt: at("2017-09-01"), CurrentPeriodStart: at("2017-09-01"), CurrentPeriodEnd: at("2017-09-15"),
				TrialStart: at("2017-09-01"), TrialEnd: at("2017-09-15"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite-monthly", TrialEndingAnnounced: at("2017-09-12")},
		},
		"2023-trial-without-card": {
			event: ending(v1alpha1.SubscriptionState{
				Status: "trialing", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2023-11-01"), CurrentPeriodStart: at("2023-11-01"), CurrentPeriodEnd: at("2023-11-15"),
				TrialStart: at("2023-11-01"), TrialEnd: at("2023-11-15"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly", TrialEndingAnnounced: at("2023-11-12")},
		},
		"2026-ended-early": { // Stripe also sends it when the trial is ended early
			event: ending(v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{item2020()}, CollectionMethod: "charge_automatically",
				StartedAt: at("2026-09-01"), CurrentPeriodStart: at("2026-09-05"), CurrentPeriodEnd: at("2026-10-05"),
				TrialStart: at("2026-09-01"), TrialEnd: at("2026-09-05"),
			}),
			subscription: v1alpha1.SubscriptionStatus{Plan: "kite_monthly", TrialEndingAnnounced: at("2026-09-05")},
		},
	})
}

// The announcement carries the state of three days before the end. It must not override a later state.
func TestTrialWillEndNeverWinsOverTheState(t *testing.T) {
	announced, err := decoder.Decode(payload(t, "customer.subscription.trial_will_end", "2023-trial-without-card"))
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := decoder.Decode(payload(t, "customer.subscription.updated", "2017-past-due"))
	if err != nil {
		t.Fatal(err)
	}
	var aggregate projection.Aggregate
	projection.Fold(&aggregate, []projection.Change{Change(earlier)})
	projection.Fold(&aggregate, []projection.Change{Change(announced)})
	got := aggregate.Subscriptions[subscriptionID]
	if got.Status != "past_due" || !got.TrialEndingAnnounced.Equal(at("2023-11-12")) {
		t.Errorf("status %q, end of trial announced at %v; want past_due and 2023-11-12", got.Status, got.TrialEndingAnnounced)
	}
}
