package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestRadarEarlyFraudWarningCreated(t *testing.T) {
	warned := projection.Event{ChargeID: chargeID, PaymentIntentID: intentID}
	testRecorded(t, "radar.early_fraud_warning.created", map[string]projection.Event{"2022-card": warned, "2026-card": warned})
}
