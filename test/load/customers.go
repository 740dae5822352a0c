package main

import (
	"fmt"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// customer is one customer of a load.
type customer struct {
	world *stripetest.World
	// id and subscription are Stripe's ids.
	id, subscription string
	taken            int // events of the world that were taken
}

// signedUp makes a customer at Stripe that has signed up just now. name makes its ids unique.
func signedUp(name string, now time.Time) *customer {
	c := &customer{world: stripetest.NewWorld(now.Truncate(time.Second), stripetest.New, 1)}
	c.world.Name = name
	c.world.Do(stripetest.SignUp)
	c.id = c.world.Objects("customer")[0].ID()
	c.subscription = c.world.Objects("subscription")[0].ID()
	return c
}

// do makes something happen to the customer, seconds after what happened before.
func (c *customer) do(op stripetest.Op) {
	c.world.Advance(5 * time.Second)
	if !c.world.Do(op) {
		panic(fmt.Sprintf("%s does not apply to a customer that has signed up", op))
	}
}

// take returns the events that were not taken yet. Their ids are unique: worlds of one seed repeat each other's.
func (c *customer) take() []stripetest.Event {
	var events []stripetest.Event
	for i, e := range c.world.Events()[c.taken:] {
		events = append(events, e.As(fmt.Sprintf("evt_%s%03d%s", c.world.Name, c.taken+i, e.ID[len("evt_1"):])))
	}
	c.taken += len(events)
	return events
}

// objects are the names of the customer's two objects in the cluster.
func (c *customer) objects() [2]string {
	return [2]string{naming.Object("", c.id), naming.Object("", c.subscription)}
}
