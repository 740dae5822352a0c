package events

import "testing"

func TestPaymentIntentCanceled(t *testing.T) {
	testType(t, "payment_intent.canceled", showsIntent, map[string]eventCase{
		"2022-abandoned":    intentIn("2022", "canceled"),
		"2025-void-invoice": intentIn("2025", "canceled"),
	})
}
