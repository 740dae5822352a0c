package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestSetupIntentSucceeded(t *testing.T) {
	refused := &v1alpha1.PaymentFailure{
		Code:    "setup_intent_authentication_failure",
		Message: "The latest attempt to set up the payment method has failed because authentication failed.",
	}
	succeeded := func(created string, method v1alpha1.PaymentMethod, failure *v1alpha1.PaymentFailure) eventCase {
		return eventCase{
			event: projection.Event{CustomerID: customerID, Setup: &v1alpha1.SetupRecord{
				Status: "succeeded", Created: at(created), PaymentMethod: &method, Failure: failure,
			}},
			customer: v1alpha1.CustomerStatus{PaymentMethods: []v1alpha1.PaymentMethod{method}},
		}
	}
	testType(t, "setup_intent.succeeded", showsSetup, map[string]eventCase{
		"2019-method-id": succeeded("2019-09-01", v1alpha1.PaymentMethod{ID: methodID}, nil),
		// The error belongs to another method that was tried earlier.
		"2023-after-a-failure": succeeded("2023-11-01", v1alpha1.PaymentMethod{ID: methodID}, refused),
		"2026-expanded-method": succeeded("2026-09-01", *mastercard(), nil),
	})
}
