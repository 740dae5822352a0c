package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "checkout.session.completed",
		Record:  "checkout",
		Does:    "creates the customer and its subscription; the first paid checkout of a new customer plans the two e-mails; in the mode payment, shows the purchase",
		read:    readCheckout,
		effects: []projection.Effect{projection.Checkout},
	})
}
