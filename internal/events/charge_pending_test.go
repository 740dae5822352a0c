package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargePending(t *testing.T) {
	testRecorded(t, "charge.pending", map[string]projection.Event{
		"2022-card":       chargeOf("2022", "pending", invoiceID, mastercard()).event,
		"2026-sepa-debit": chargeOf("2026", "pending", "", sepaDebit()).event,
	})
}
