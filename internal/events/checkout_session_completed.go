package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "checkout.session.completed",
		Record:  "checkout",
		Does:    "makes the customer and its subscription known; the first one of a new customer plans the two e-mails",
		read:    readCheckout,
		effects: []projection.Effect{projection.Checkout},
	})
}
