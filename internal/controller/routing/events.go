package routing

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EventsOf selects, at the API server, the events about the customer with Stripe's id in any account: those whose payload names it,
// and those that name a payment or an Account only and were linked to it. Each event is in one of the lists.
func EventsOf(customerID string) []client.ListOption {
	return []client.ListOption{
		client.MatchingFields{v1alpha1.FieldCustomerID: customerID},
		client.MatchingFields{v1alpha1.FieldLinkedCustomer: customerID},
	}
}
