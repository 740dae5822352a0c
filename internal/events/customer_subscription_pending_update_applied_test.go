package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestCustomerSubscriptionPendingUpdateApplied(t *testing.T) {
	seats := func(s *v1alpha1.SubscriptionState) { s.Items[0].Quantity = new(int64(3)) }
	testType(t, "customer.subscription.pending_update_applied", showsState, map[string]eventCase{
		"2022-more-seats": inStatus("2022", "active", seats),
		"2026-more-seats": inStatus("2026", "active", seats),
	})
}
