package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerCreated(t *testing.T) {
	testType(t, "customer.created", showsProfileFromTheStart, map[string]eventCase{
		"2017-sources": { // customers had no name
			event: projection.Event{CustomerID: customerID, Customer: &v1alpha1.CustomerRecord{
				Email: "ada@example.com", DefaultPaymentMethodID: cardID, Metadata: map[string]v1alpha1.Value{"tenant": "ada"},
			}},
		},
		"2026-name": {
			event: projection.Event{CustomerID: customerID, Customer: &v1alpha1.CustomerRecord{
				Email: "ada@example.com", Name: "Ada Kite", Metadata: map[string]v1alpha1.Value{"tenant": "ada"},
			}},
		},
		"2026-nulls": {event: projection.Event{CustomerID: customerID, Customer: &v1alpha1.CustomerRecord{}}},
	})
}

// showsProfileFromTheStart is the profile, and that the history is complete from the event on.
func showsProfileFromTheStart(e *projection.Event, c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) {
	showsProfile(e, c, s)
	c.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteFromCreation, At: e.Created}
}
