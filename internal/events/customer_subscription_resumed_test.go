package events

import "testing"

func TestCustomerSubscriptionResumed(t *testing.T) {
	testType(t, "customer.subscription.resumed", showsState, map[string]eventCase{
		"2022-active": inStatus("2022", "active"),
		"2026-active": inStatus("2026", "active"),
	})
}
