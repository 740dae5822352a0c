package events

import "testing"

func TestCustomerSubscriptionPendingUpdateExpired(t *testing.T) {
	testType(t, "customer.subscription.pending_update_expired", showsState, map[string]eventCase{
		"2022-as-before": inStatus("2022", "active"),
		"2026-as-before": inStatus("2026", "active"),
	})
}
