package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// history is everything that happens to one customer, as events, and what must result from it. The output calls it a
// life.
type history struct {
	events        []stripetest.Event
	customer      string   // Stripe's id
	subscriptions []string // Stripe's ids
	// signsUp is true if the history has a checkout, which sends the two e-mails. A checkout is always the first thing
	// that happens.
	signsUp bool
	// checkouts holds the ids of the completed checkout sessions. Any of them may be the one that plans the e-mails: the first
	// that the operator sees, as an Email is not changed when an earlier one arrives later.
	checkouts map[string]bool
	// addresses holds every e-mail address that the customer ever has.
	addresses map[string]bool
	// isThin is true if Stripe posts thin events, which name the events and do not carry them.
	isThin bool
	// isOld is true if everything happened so long ago that its events are archived and leave the cluster.
	isOld bool
}

// newHistories generates n histories. Each is a sign-up and up to twenty operations within seconds of each other. In the
// end no subscription is unpaid, and the customer has the address of the sign-up again: otherwise its e-mails may wait.
// Every fourth comes by thin events. Every eighth is old.
func newHistories(n int, seed uint64) []*history {
	now := time.Now().Truncate(time.Second)
	ops := slices.DeleteFunc(stripetest.Ops(), func(op stripetest.Op) bool {
		switch op {
		case stripetest.DeleteCustomer: // ends the customer's e-mails: whether they went before it depends on the faults
			return true
		case stripetest.ChangeProduct, stripetest.RevertProduct, stripetest.RenameProduct:
			return true // all histories have one product, and their events about it contradict each other
		default:
			return false
		}
	})
	var histories []*history
	for i := range n {
		random, begin := rand.New(rand.NewPCG(seed, uint64(i))), now.Add(-time.Hour)
		isOld := i%8 == 6
		if isOld {
			begin = now.Add(-oldAge)
		}
		world := stripetest.NewWorld(begin, []stripetest.Shape{stripetest.Old, stripetest.New}[i%2], random.Uint64())
		world.Name = fmt.Sprintf("L%04d", i+1)
		world.Do(ops[random.IntN(3)]) // the three ways to sign up
		for range 20 {
			world.Advance(time.Duration(random.IntN(3)) * time.Second)
			world.Do(ops[3+random.IntN(len(ops)-3)])
		}
		world.Advance(2 * time.Second)
		for world.Do(stripetest.Recover) { //nolint:revive // until no subscription is unpaid
		}
		world.Do(stripetest.RevertEmail)
		h := newHistory(world)
		h.isThin, h.isOld = i%4 == 3, isOld
		h.signsUp = h.signsUp && !isOld // too old for e-mails
		histories = append(histories, h)
	}
	return histories
}

func newHistory(world *stripetest.World) *history {
	h := &history{addresses: map[string]bool{}, checkouts: map[string]bool{}}
	for _, o := range world.Objects("customer") {
		h.customer = o.ID()
	}
	for _, o := range world.Objects("subscription") {
		h.subscriptions = append(h.subscriptions, o.ID())
	}
	for _, e := range world.Events() {
		e.Object, e.Previous = withOwnDomain(e.Object, world.Name), withOwnDomain(e.Previous, world.Name)
		if e.Type == "checkout.session.completed" {
			h.signsUp, h.checkouts[e.Object.ID()] = true, true
		}
		if address, ok := e.Object["email"].(string); ok {
			h.addresses[address] = true
		}
		if details, ok := e.Object["customer_details"].(map[string]any); ok {
			h.addresses[details["email"].(string)] = true
		}
		h.events = append(h.events, e)
	}
	return h
}

// withOwnDomain gives the addresses of each history their own domain, so that the test notices an e-mail to another
// customer.
func withOwnDomain(o stripetest.Object, name string) stripetest.Object {
	if o == nil {
		return nil
	}
	replaced, own := strings.ReplaceAll(string(encode(o)), "@example.com", "@"+strings.ToLower(name)+".example.com"), stripetest.Object{}
	if err := json.Unmarshal([]byte(replaced), &own); err != nil {
		panic(fmt.Sprintf("not a JSON object: %v", err))
	}
	return own
}

// customerName is the name of the Customer object.
func (h *history) customerName() string { return naming.Object("", h.customer) }

// sentEvents returns the ids and types of all events: of thin ones, and of those that they name.
func sentEvents(histories []*history) map[string]string {
	ids := map[string]string{}
	for _, h := range histories {
		for _, e := range h.events {
			for _, id := range h.recordedAs(e) {
				ids[id] = e.Type
			}
		}
	}
	return ids
}

// recordedAs returns the ids of the BillingEvents that must follow from the event.
func (h *history) recordedAs(e stripetest.Event) []string {
	if h.isThin {
		return []string{e.ThinID(), e.ID}
	}
	return []string{e.ID}
}

// body is what Stripe posts of the event.
func (h *history) body(e stripetest.Event) []byte {
	if h.isThin {
		return e.ThinJSON()
	}
	return e.JSON()
}

// thinEvents counts the thin events.
func thinEvents(histories []*history) (n int) {
	for _, h := range histories {
		if h.isThin {
			n += len(h.events)
		}
	}
	return n
}
