package resync

import (
	"errors"
	"fmt"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// isAllRefused reports whether Stripe refuses the key or the account, and not one kind of object alone.
func isAllRefused(err error) bool {
	return errors.Is(err, stripeapi.ErrKeyRefused) || errors.Is(err, stripeapi.ErrAccountRefused)
}

// refusalOf is the sentence about a refusal for the condition InSync; empty if the error is none. It is the same for every
// attempt, so that the status comes to rest.
func refusalOf(err error, account string) string {
	switch {
	case errors.Is(err, stripeapi.ErrKeyRefused):
		return "Stripe refuses the API key: nothing is read until STRIPE_SECRET_KEY is a key that Stripe accepts."
	case errors.Is(err, stripeapi.ErrAccountRefused):
		return fmt.Sprintf("Stripe gives the API key no access to the account %s: connect it to your platform again.", account)
	case errors.Is(err, stripeapi.ErrRefused):
		return "The API key may not read this at Stripe: give the restricted key the permissions that the installation page lists."
	default:
		return ""
	}
}
