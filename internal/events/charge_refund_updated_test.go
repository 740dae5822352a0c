package events

import "testing"

func TestChargeRefundUpdated(t *testing.T) {
	testType(t, "charge.refund.updated", showsNothing, map[string]eventCase{
		"2023-failed":   failedRefund("2023-09-05T10:00:00Z"),
		"2026-canceled": failedRefund("2026-09-05T11:00:00Z"),
	})
}
