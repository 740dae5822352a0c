package events

import "testing"

func TestChargeDisputeFundsReinstated(t *testing.T) {
	testType(t, "charge.dispute.funds_reinstated", showsDispute, map[string]eventCase{
		"2017-won": disputed("2017", "won"),
		"2026-won": disputed("2026", "won"),
	})
}
