package events

import "testing"

func TestPaymentMethodUpdated(t *testing.T) {
	testType(t, "payment_method.updated", showsNothing, map[string]eventCase{
		"2019-expiry": ofMethod(*mastercard()),
		"2026-expiry": ofMethod(*mastercard()),
	})
}
