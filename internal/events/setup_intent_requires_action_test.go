package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestSetupIntentRequiresAction(t *testing.T) {
	testType(t, "setup_intent.requires_action", showsSetup, map[string]eventCase{
		"2019-redirect": setupIn("requires_action", "2019-09-01", &v1alpha1.PaymentMethod{ID: methodID}),
		"2026-redirect": setupIn("requires_action", "2026-09-01", &v1alpha1.PaymentMethod{ID: methodID}),
	})
}

// setupIn is the setup intent of the payloads in a status. Its method is not the customer's yet.
func setupIn(status, created string, method *v1alpha1.PaymentMethod) eventCase {
	return eventCase{event: projection.Event{CustomerID: customerID, Setup: &v1alpha1.SetupRecord{
		Status: status, Created: at(created), PaymentMethod: method,
	}}}
}
