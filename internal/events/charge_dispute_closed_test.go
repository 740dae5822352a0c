package events

import "testing"

func TestChargeDisputeClosed(t *testing.T) {
	testType(t, "charge.dispute.closed", showsDispute, map[string]eventCase{
		"2017-lost": disputed("2017", "lost"),
		"2026-won":  disputed("2026", "won"),
	})
}
