package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// life is a customer's life as events, and what must come of it whatever the operator makes of the rest.
type life struct {
	events        []stripetest.Event
	customer      string   // Stripe's id
	subscriptions []string // Stripe's ids
	// signsUp says that it holds a checkout, which gets the two e-mails: every life begins with it or has none.
	signsUp bool
	// addresses are all that the customer ever had.
	addresses map[string]bool
}

// newLives makes so many customers' lives, each of a sign-up and some twenty things that happen within seconds of each other.
func newLives(n int, seed uint64) []*life {
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	ops := stripetest.Ops()
	var lives []*life
	for i := range n {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		world := stripetest.NewWorld(begin, []stripetest.Shape{stripetest.Old, stripetest.New}[i%2], random.Uint64())
		world.Name = fmt.Sprintf("L%04d", i+1)
		world.Do(ops[random.IntN(3)]) // the three ways to sign up
		for range 20 {
			world.Advance(time.Duration(random.IntN(3)) * time.Second)
			world.Do(ops[3+random.IntN(len(ops)-3)])
		}
		lives = append(lives, newLife(world))
	}
	return lives
}

func newLife(world *stripetest.World) *life {
	l := &life{addresses: map[string]bool{}}
	for _, o := range world.Objects("customer") {
		l.customer = o.ID()
	}
	for _, o := range world.Objects("subscription") {
		l.subscriptions = append(l.subscriptions, o.ID())
	}
	for _, e := range world.Events() {
		e.Object, e.Previous = ownAddress(e.Object, world.Name), ownAddress(e.Previous, world.Name)
		l.signsUp = l.signsUp || e.Type == "checkout.session.completed"
		if address, ok := e.Object["email"].(string); ok {
			l.addresses[address] = true
		}
		if details, ok := e.Object["customer_details"].(map[string]any); ok {
			l.addresses[details["email"].(string)] = true
		}
		l.events = append(l.events, e)
	}
	return l
}

// ownAddress gives the addresses of a life a domain of its own, so that an e-mail to somebody else's is known.
func ownAddress(o stripetest.Object, name string) stripetest.Object {
	if o == nil {
		return nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("an object that is no JSON: %v", err))
	}
	replaced, own := strings.ReplaceAll(string(text), "@example.com", "@"+strings.ToLower(name)+".example.com"), stripetest.Object{}
	if err := json.Unmarshal([]byte(replaced), &own); err != nil {
		panic(fmt.Sprintf("an object that is no JSON: %v", err))
	}
	return own
}

// object is the name of the Customer.
func (l *life) object() string { return naming.Object("", l.customer) }

// sent are the ids of all events, with their types.
func sent(lives []*life) map[string]string {
	ids := map[string]string{}
	for _, l := range lives {
		for _, e := range l.events {
			ids[e.ID] = e.Type
		}
	}
	return ids
}
