package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestSetupIntentCanceled(t *testing.T) {
	testType(t, "setup_intent.canceled", showsSetup, map[string]eventCase{
		"2019-abandoned": setupIn("canceled", "2019-09-01", nil),
		"2026-requested": setupIn("canceled", "2026-09-01", &v1alpha1.PaymentMethod{ID: methodID}),
	})
}
