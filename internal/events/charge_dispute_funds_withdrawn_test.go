package events

import "testing"

func TestChargeDisputeFundsWithdrawn(t *testing.T) {
	testType(t, "charge.dispute.funds_withdrawn", showsDispute, map[string]eventCase{
		"2017-needs-response": disputed("2017", "needs_response"),
		"2026-needs-response": disputed("2026", "needs_response"),
	})
}
