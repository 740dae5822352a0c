package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.created",
		Record:  "customer",
		Does:    "sets e-mail, name, delinquency, default payment method and metadata; the customer's history is complete from here",
		read:    readCustomer,
		effects: []projection.Effect{projection.Profile, projection.Created},
	})
}
