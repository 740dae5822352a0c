// Package ordercases holds the events that need each rule of order, and what the rule makes of them. The fold is tested with them,
// and the table in docs/order.md is generated from them.
package ordercases

import (
	"fmt"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

const (
	customer     = "cus_A"
	subscription = "sub_A"
)

var (
	begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	end   = begin.AddDate(0, 1, 0)
)

// Told is an event, and in a few words what it tells.
type Told struct {
	Event
	Tells string
}

// Case is a few events that need a rule.
type Case struct {
	// Rule that decides.
	Rule string
	// Events in the order in which they happened. Their ids sort the other way round, unless the id is what decides.
	Events []Told
	// Shows reads from the aggregate what is decided.
	Shows func(projection.Aggregate) string
	// Want is what it shows, whatever order the events come in.
	Want string
	// Why the rule decides so.
	Why string
}

// at makes an event so long after the beginning.
func at(after time.Duration, id, kind, tells string, object, previous Object) Told {
	return Told{Tells: tells, Event: Event{
		ID: "evt_" + id, Type: kind, Created: begin.Add(after), Shape: New, Object: object, Previous: previous,
	}}
}

func sub(status string) Object { return Subscription(New, subscription, customer, status, begin, end) }

func seats(n int) Object {
	o := sub("active")
	item := o["items"].(Object)["data"].([]Object)[0].With("quantity", n)
	return o.With("items", o["items"].(Object).With("data", []Object{item}))
}

// items are the previous_attributes of a change of quantity: Stripe sends lists whole.
func items(n int) Object { return Object{"items": seats(n)["items"]} }

func bill(status string) Object {
	return Invoice(New, "in_1", customer, subscription, status, Amount, begin, end)
}

func shown(a projection.Aggregate) string {
	s := a.Subscriptions[subscription]
	text := s.Status
	if len(s.Items) > 0 && s.Items[0].Quantity != nil && *s.Items[0].Quantity > 1 {
		text += fmt.Sprintf(", %d seats", *s.Items[0].Quantity)
	}
	if s.CancelAtPeriodEnd {
		text += ", to be canceled"
	}
	if s.EndedAt != nil {
		text += ", ended"
	}
	if doubt := projection.StatePosition(s).Doubt; doubt != "" {
		text += " (" + string(doubt) + ")"
	}
	return text
}

func shownInvoice(a projection.Aggregate) string {
	invoice := a.Customer.LatestInvoice
	return fmt.Sprintf("%s, %d attempts", invoice.Status, invoice.AttemptCount)
}

func shownEmail(a projection.Aggregate) string { return a.Customer.Email }

const (
	created = "customer.subscription.created"
	updated = "customer.subscription.updated"
	deleted = "customer.subscription.deleted"
)

// All lists the cases, rule by rule.
func All() []Case {
	return append(append(byTime(), byHistory()...), byRank()...)
}

func byTime() []Case {
	charge := Charge(New, "ch_1", customer, "pi_1", "succeeded", begin)
	return []Case{
		{
			Rule: "a final state is never left",
			Events: []Told{
				at(0, "9", deleted, "canceled", sub("canceled"), nil),
				at(time.Hour, "1", updated, "active, an hour later", sub("active"), nil),
			},
			Shows: shown, Want: "canceled", Why: "Stripe never revives a canceled subscription",
		}, {
			Rule: "a final state is never left",
			Events: []Told{
				at(0, "9", "invoice.paid", "paid", bill("paid"), nil),
				at(time.Hour, "1", "invoice.updated", "open, an hour later", bill("open"), nil),
			},
			Shows: shownInvoice, Want: "paid, 0 attempts", Why: "a paid invoice stays paid",
		}, {
			Rule: "a state wins over a hint",
			Events: []Told{
				at(0, "9", updated, "active", sub("active"), nil),
				at(time.Hour, "1", "customer.subscription.trial_will_end", "trialing, an hour later", sub("trialing"), nil),
			},
			Shows: shown, Want: "active", Why: "a notification adds what it alone knows and is no state",
		}, {
			Rule: "a state wins over a hint",
			Events: []Told{
				at(0, "9", "customer.created", "own@example.com", Customer(customer, "own@example.com", "Ada"), nil),
				at(time.Hour, "1", "checkout.session.completed", "typed@example.com, an hour later",
					Checkout("cs_1", customer, "", "typed@example.com", begin), nil),
			},
			Shows: shownEmail, Want: "own@example.com", Why: "a checkout mentions its customer's address in passing",
		}, {
			Rule: "the later second",
			Events: []Told{
				at(0, "9", updated, "active", sub("active"), nil),
				at(time.Second, "1", updated, "past_due, a second later", sub("past_due"), nil),
			},
			Shows: shown, Want: "past_due", Why: "`created` tells, where it can",
		}, {
			Rule: "the larger total",
			Events: []Told{
				at(0, "9", "charge.refunded", "900 in all", Refunded(charge, 900), nil),
				at(0, "1", "charge.refunded", "2900 in all", Refunded(charge, Amount), nil),
			},
			Shows: func(a projection.Aggregate) string { return fmt.Sprint(a.Customer.Refunds[0].AmountRefunded) },
			Want:  "2900", Why: "refunds only add up",
		},
	}
}

func byHistory() []Case {
	return []Case{
		{
			Rule: "what follows on what",
			Events: []Told{
				at(0, "9", created, "1 seat", seats(1), nil),
				at(time.Second, "5", updated, "a second later, 1 seat → 2", seats(2), items(1)),
				at(time.Second, "1", updated, "in that second, 2 seats → 3", seats(3), items(2)),
			},
			Shows: shown, Want: "active, 3 seats", Why: "previous_attributes: the last one follows on the one before it",
		}, {
			Rule: "what follows on what",
			Events: []Told{
				at(0, "9", created, "active", sub("active"), nil),
				at(0, "1", updated, "active → trialing", sub("trialing"), Object{"status": "active"}),
			},
			Shows: shown, Want: "trialing", Why: "a trial can be given to an active subscription: history comes before life cycle",
		}, {
			Rule: "what follows on what",
			Events: []Told{
				at(0, "5", created, "active", sub("active"), nil),
				at(time.Second, "9", updated, "a second later, cancellation scheduled", sub("active").With("cancel_at_period_end", true),
					Object{"cancel_at_period_end": false}),
				at(time.Second, "1", updated, "in that second, undone", sub("active"), Object{"cancel_at_period_end": true}),
			},
			Shows: shown, Want: "active", Why: "each follows on the other: the walk ends where the second before it ended",
		}, {
			Rule: "what follows on what",
			Events: []Told{
				at(0, "9", created, "1 seat", seats(1), nil),
				at(time.Second, "1", updated, "a second later, 2 seats → 3", seats(3), items(2)),
			},
			Shows: shown, Want: "active, 3 seats (Gap)", Why: "no known event led to 2 seats: one is missing, and Stripe is asked",
		},
	}
}

func byRank() []Case {
	return []Case{
		{
			Rule: "the later stage of life",
			Events: []Told{
				at(0, "9", created, "incomplete", sub("incomplete"), nil),
				at(0, "1", updated, "active, not saying what was before", sub("active"), nil),
			},
			Shows: shown, Want: "active", Why: "incomplete < trialing < active, past_due, unpaid, paused < canceled",
		}, {
			Rule: "the later stage of life",
			Events: []Told{
				at(0, "9", "invoice.created", "draft", bill("draft"), nil),
				at(0, "1", "invoice.finalized", "open", bill("open"), nil),
			},
			Shows: shownInvoice, Want: "open, 0 attempts", Why: "draft < open < uncollectible < paid, void",
		}, {
			Rule: "the later stage of life",
			Events: []Told{
				at(0, "9", "invoice.payment_failed", "attempt 1", FailedAttempt(bill("open"), 1, end), nil),
				at(0, "1", "invoice.payment_failed", "attempt 2", FailedAttempt(bill("open"), 2, end), nil),
			},
			Shows: shownInvoice, Want: "open, 2 attempts", Why: "attempts are counted upwards",
		}, {
			Rule: "created < noticed < updated < deleted",
			Events: []Told{
				at(0, "9", "customer.created", "old@example.com", Customer(customer, "old@example.com", "Ada"), nil),
				at(0, "1", "customer.updated", "new@example.com, not saying what was before", Customer(customer, "new@example.com", "Ada"), nil),
			},
			Shows: shownEmail, Want: "new@example.com", Why: "a thing is made before it is changed",
		}, {
			Rule: "created < noticed < updated < deleted",
			Events: []Told{
				at(0, "9", updated, "canceled", sub("canceled"), nil),
				at(0, "1", deleted, "canceled and ended", sub("canceled").With("ended_at", end.Unix()), nil),
			},
			Shows: shown, Want: "canceled, ended", Why: "nothing comes after a deletion",
		}, {
			Rule: "the higher event id",
			Events: []Told{
				at(0, "1", updated, "active, not saying what was before", sub("active"), nil),
				at(0, "9", updated, "past_due, not saying what was before", sub("past_due"), nil),
			},
			Shows: shown, Want: "past_due (Tie)", Why: "nothing tells: some fixed choice is made, and Stripe is asked",
		},
	}
}

// Changes are the case's events, ready to be folded.
func (c Case) Changes() ([]projection.Change, error) {
	var changes []projection.Change
	for _, told := range c.Events {
		e, err := events.Decoder{}.Decode(told.JSON())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", told.ID, err)
		}
		changes = append(changes, events.Change(e))
	}
	return changes, nil
}
