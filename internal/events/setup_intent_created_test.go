package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestSetupIntentCreated(t *testing.T) {
	created := func(record v1alpha1.SetupRecord) eventCase {
		return eventCase{event: projection.Event{CustomerID: customerID, Setup: &record}}
	}
	testType(t, "setup_intent.created", showsSetup, map[string]eventCase{
		"2019-begun": created(v1alpha1.SetupRecord{Status: "requires_payment_method", Created: at("2019-09-01")}),
		"2026-confirming": created(v1alpha1.SetupRecord{ // the method does not belong to the customer yet
			Status: "requires_confirmation", Created: at("2026-09-01"), PaymentMethod: &v1alpha1.PaymentMethod{ID: methodID},
		}),
		"2026-nulls": created(v1alpha1.SetupRecord{}),
	})
}
