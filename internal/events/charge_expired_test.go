package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeExpired(t *testing.T) {
	testRecorded(t, "charge.expired", map[string]projection.Event{
		"2022-card":        chargeOf("2022", "succeeded", invoiceID, mastercard()).event,
		"2026-both-shapes": chargeOf("2026", "succeeded", "", mastercard()).event,
	})
}
