package events

import "testing"

func TestRefundUpdated(t *testing.T) {
	testType(t, "refund.updated", showsNothing, map[string]eventCase{
		"2023-failed":   failedRefund("2023-09-05T10:00:00Z"),
		"2026-canceled": failedRefund("2026-09-05T11:00:00Z"),
	})
}
