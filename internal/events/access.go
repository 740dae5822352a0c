package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

// MayDecideAccess reports whether an event of this kind may change whether the customer is entitled. Only folding it shows
// whether it does.
func MayDecideAccess(e *projection.Event) bool {
	switch {
	case e.Subscription != nil, e.Checkout != nil, e.Dispute != nil, e.Refund != nil:
		return true
	case e.Invoice != nil:
		return e.Invoice.Status == projection.InvoicePaid
	default:
		return e.Type == "customer.deleted"
	}
}
