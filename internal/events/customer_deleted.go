package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "customer.deleted",
		Record:  "customer",
		Does:    "ends the customer's subscriptions and e-mails for good, and removes its personal data from the status",
		read:    readDeletion,
		effects: []projection.Effect{projection.CustomerDeleted},
	})
}
