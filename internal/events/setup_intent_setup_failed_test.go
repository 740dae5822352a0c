package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestSetupIntentSetupFailed(t *testing.T) {
	testType(t, "setup_intent.setup_failed", showsSetup, setupFailures())
}

// setupFailures are the cases of both names of the type. A method whose setup failed is not the customer's.
func setupFailures() map[string]eventCase {
	failed := func(created string, failure v1alpha1.PaymentFailure) eventCase {
		return eventCase{event: projection.Event{CustomerID: customerID, Setup: &v1alpha1.SetupRecord{
			Status: "requires_payment_method", Created: at(created), PaymentMethod: mastercard(), Failure: &failure,
		}}}
	}
	return map[string]eventCase{
		"2019-authentication": failed("2019-09-01", v1alpha1.PaymentFailure{
			Code:    "setup_intent_authentication_failure",
			Message: "The latest attempt to set up the payment method has failed because authentication failed.",
		}),
		"2026-declined": failed("2026-09-01", v1alpha1.PaymentFailure{
			Code: "card_declined", DeclineCode: "do_not_honor", Message: "Your card was declined.",
		}),
	}
}
