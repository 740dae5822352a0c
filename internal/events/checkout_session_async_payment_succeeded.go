package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "checkout.session.async_payment_succeeded",
		Record:  "checkout",
		Does:    "reports that a delayed payment of a checkout succeeded: the checkout counts from now on, and a purchase begins to grant access",
		read:    readCheckout,
		effects: []projection.Effect{projection.CheckoutPaid},
	})
}
