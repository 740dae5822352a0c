package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "checkout.session.expired",
		Record:  "checkout",
		Does:    "shows since when the customer is known; an expired session is no sign-up and no history",
		read:    readCheckout,
		effects: []projection.Effect{projection.CheckoutExpired},
	})
}
