package events

import (
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeExpired(t *testing.T) {
	expired := func(year, invoice string) projection.Event {
		e := chargeOf(year, "succeeded", invoice, mastercard()).event
		e.Payment.Uncaptured = true
		return e
	}
	testRecorded(t, "charge.expired", map[string]projection.Event{
		"2022-card":        expired("2022", invoiceID),
		"2026-both-shapes": expired("2026", ""),
	})
}

// An authorization is no payment: it grants nothing until it is captured.
func TestAnAuthorizedChargeIsNoPayment(t *testing.T) {
	body := strings.Replace(string(payload(t, "charge.expired", "2026-both-shapes")), `"charge.expired"`, `"charge.succeeded"`, 1)
	e, err := decoder.Decode([]byte(body))
	if err != nil || RecordedOnly(e) == "" {
		t.Errorf("it is folded: %+v %v", e, err)
	}
}
