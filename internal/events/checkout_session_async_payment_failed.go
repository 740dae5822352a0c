package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "checkout.session.async_payment_failed",
		Record:  "checkout",
		Does:    "reports that a delayed payment of a checkout failed: the checkout plans no e-mails, and a purchase grants no access",
		read:    readCheckout,
		effects: []projection.Effect{projection.CheckoutFailed},
	})
}
