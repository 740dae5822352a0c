package events

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const summaryUpdated = "entitlements.active_entitlement_summary.updated"

func TestEntitlementsActiveEntitlementSummaryUpdated(t *testing.T) {
	list := func(more bool, keys ...string) projection.Event {
		return projection.Event{CustomerID: customerID, Features: &v1alpha1.FeaturesRecord{
			FeatureList: v1alpha1.FeatureList{Keys: keys, More: more},
		}}
	}
	firstTen := []string{
		"limit.03", "limit.04", "limit.05", "limit.06", "limit.07", "limit.08", "limit.09", "limit.10", "limit.11", "limit.12",
	}
	testType(t, summaryUpdated, showsNothing, map[string]eventCase{
		"2023-subscribed": {
			event: list(false, "advanced-reporting", "sso"), customer: v1alpha1.CustomerStatus{Features: []string{"advanced-reporting", "sso"}},
		},
		"2024-canceled": {event: list(false)},
		"2025-more-than-ten": {
			event:    list(true, firstTen...),
			customer: v1alpha1.CustomerStatus{Features: firstTen, CutFeatures: &v1alpha1.CutFeatures{First: firstTen}},
		},
		"2026-expanded": { // two features have the same key: one of them is archived
			event: list(false, "api", "sso"), customer: v1alpha1.CustomerStatus{Features: []string{"api", "sso"}},
		},
	})
}

// A change starts where the one before it ended: at no features for a new customer, and at no known state after a cut list.
func TestTracesOfFeatures(t *testing.T) {
	traces := map[string]v1alpha1.Trace{}
	for _, name := range payloads(t, summaryUpdated) {
		e, err := decoder.Decode(payload(t, summaryUpdated, name))
		if err != nil {
			t.Fatal(err)
		}
		traces[name] = e.Features.Trace
	}
	granted := traces["2023-subscribed"].StateAfter
	want := map[string]v1alpha1.Trace{
		"2023-subscribed":    {StateBefore: v1alpha1.StateNone, StateAfter: granted},
		"2024-canceled":      {StateBefore: granted, StateAfter: v1alpha1.StateNone},
		"2025-more-than-ten": {StateBefore: granted, StateAfter: traces["2025-more-than-ten"].StateAfter},
		"2026-expanded":      {StateAfter: traces["2026-expanded"].StateAfter},
	}
	if diff := cmp.Diff(want, traces); diff != "" || granted == "" || granted == v1alpha1.StateNone {
		t.Errorf("traces (-want +got):\n%s", diff)
	}
}
