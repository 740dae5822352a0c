package events

import (
	_ "embed" // Stripe's types are a file, which `make generate` writes
	"slices"
	"strings"
)

//go:embed stripe_types.txt
var stripeTypesFile string

// stripeTypes are the event types that the newest stripe-go knows: hack/tools/stripe-types pins its version.
var stripeTypes = strings.Fields(stripeTypesFile)

// ToSend lists the types that an endpoint in Stripe should send, by Stripe's names: those in the catalogue, and those of a
// family.
func ToSend() []string {
	return slices.DeleteFunc(slices.Clone(stripeTypes), func(name string) bool {
		_, handled := Lookup(name)
		return !handled
	})
}
