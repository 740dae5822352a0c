package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestRefundCreated(t *testing.T) {
	testType(t, "refund.created", showsNothing, map[string]eventCase{
		"2023-failed-at-once":   failedRefund("2023-09-05T10:00:00Z"),
		"2026-canceled-at-once": failedRefund("2026-09-05T11:00:00Z"),
	})
}

// A refund that succeeds shows with charge.refunded. An event about it alone has nothing to show.
func TestARefundThatSucceedsIsOnlyRecorded(t *testing.T) {
	for _, eventType := range []string{"refund.created", "refund.updated", "charge.refund.updated", "charge.updated"} {
		if got := RecordedOnly(&projection.Event{Type: eventType}); got == "" {
			t.Errorf("%s is folded", eventType)
		}
		if got := RecordedOnly(&projection.Event{Type: eventType, DecodeError: "amount: want an integer, got a string"}); got != "" {
			t.Errorf("%s that cannot be read is recorded only: %s", eventType, got)
		}
	}
	failed := failedRefund("2026-09-05T11:00:00Z").event
	failed.Type = "refund.created"
	if got := RecordedOnly(&failed); got != "" {
		t.Errorf("a failed refund is recorded only: %s", got)
	}
}
