package naming

import (
	"k8s.io/apimachinery/pkg/fields"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EventsOf are field selectors of the events about the customer with Stripe's id in any account: those whose payload names it, and
// those that name a payment or an Account only and were linked to it. Each event is selected by one of them.
func EventsOf(customerID string) []fields.Set {
	return []fields.Set{{v1alpha1.FieldCustomerID: customerID}, {v1alpha1.FieldLinkedCustomer: customerID}}
}
