package events

import "testing"

func TestPaymentMethodAutomaticallyUpdated(t *testing.T) {
	testType(t, "payment_method.automatically_updated", showsNothing, map[string]eventCase{
		"2023-replaced": ofMethod(*mastercard()),
		"2026-replaced": ofMethod(*mastercard()),
	})
}
