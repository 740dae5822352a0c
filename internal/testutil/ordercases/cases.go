// Package ordercases holds, for each rule of order, events that need the rule, and the state that the rule makes them
// show. The fold is tested with them, and the table in docs/order.md is generated from them.
package ordercases

import (
	"fmt"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

const (
	customerID     = "cus_A"
	subscriptionID = "sub_A"
)

var (
	begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	end   = begin.AddDate(0, 1, 0)
)

// Described is an event with a short description.
type Described struct {
	Event
	Description string
}

// Case is a few events that need a rule to put them in order.
type Case struct {
	// Rule is the name of the rule that decides.
	Rule string
	// Events are in the order in which they happened. Their ids sort the other way round, unless the id decides.
	Events []Described
	// Shows describes the state that the aggregate shows.
	Shows func(projection.Aggregate) string
	// Want is that state, whatever the order of arrival.
	Want string
	// Why says why the rule decides so.
	Why string
}

// event makes an event that Stripe created so long after the beginning.
func event(after time.Duration, id, kind, description string, object, previous Object) Described {
	return Described{Description: description, Event: Event{
		ID: "evt_" + id, Type: kind, Created: begin.Add(after), Shape: New, Object: object, Previous: previous,
	}}
}

func subscriptionWith(status string) Object {
	return Subscription(New, subscriptionID, customerID, status, begin, end)
}

func seats(n int) Object {
	o := subscriptionWith("active")
	item := o["items"].(Object)["data"].([]Object)[0].With("quantity", n)
	return o.With("items", o["items"].(Object).With("data", []Object{item}))
}

// seatsBefore are the previous_attributes of a change of quantity: Stripe sends the whole list of items.
func seatsBefore(n int) Object { return Object{"items": seats(n)["items"]} }

func invoice(status string) Object {
	return Invoice(New, "in_1", customerID, subscriptionID, status, Amount, begin, end)
}

func shownSubscription(a projection.Aggregate) string {
	s := a.Subscriptions[subscriptionID]
	text := s.Status
	if len(s.Items) > 0 && s.Items[0].Quantity != nil && *s.Items[0].Quantity > 1 {
		text += fmt.Sprintf(", %d seats", *s.Items[0].Quantity)
	}
	if s.CancelAtPeriodEnd {
		text += ", cancellation scheduled"
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

func refundOf(amount int) Object {
	return Refunded(Charge(New, "ch_1", customerID, "pi_1", "succeeded", begin), amount)
}

func shownRefund(a projection.Aggregate) string {
	return fmt.Sprint(a.Customer.Refunds[0].AmountRefunded)
}

func shownDeletion(a projection.Aggregate) string {
	text := "not deleted"
	if a.Customer.DeletedAt != nil {
		text = "deleted"
	}
	if a.Customer.Email == "" {
		return text + ", without an address"
	}
	return text + ", " + a.Customer.Email
}

func dispute(status string) Object {
	return Dispute("dp_1", "ch_1", "pi_1", begin, end).With("status", status)
}

func shownDisputes(a projection.Aggregate) string {
	if len(a.Customer.OpenDisputes) == 0 {
		return "no dispute"
	}
	return a.Customer.OpenDisputes[0].Status
}

func shownMethods(a projection.Aggregate) string {
	if len(a.Customer.PaymentMethods) == 0 {
		return "no payment method"
	}
	return a.Customer.PaymentMethods[0].ID
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
	return []Case{
		{
			Rule: "a final state is never left",
			Events: []Described{
				event(0, "9", deleted, "canceled", subscriptionWith("canceled"), nil),
				event(time.Hour, "1", updated, "active, an hour later", subscriptionWith("active"), nil),
			},
			Shows: shownSubscription, Want: "canceled", Why: "Stripe never revives a canceled subscription",
		}, {
			Rule: "a final state is never left",
			Events: []Described{
				event(0, "9", "invoice.paid", "paid", invoice("paid"), nil),
				event(time.Hour, "1", "invoice.updated", "open, an hour later", invoice("open"), nil),
			},
			Shows: shownInvoice, Want: "paid, 0 attempts", Why: "a paid invoice stays paid",
		}, {
			Rule: "a final state is never left",
			Events: []Described{
				event(0, "9", "customer.deleted", "deleted", Customer(customerID, "ada@example.com", "Ada"), nil),
				event(time.Hour, "1", updated, "active, an hour later", subscriptionWith("active"), nil),
			},
			Shows: shownSubscription, Want: "canceled, ended", Why: "a deletion ends every subscription, whatever its own events report",
		}, {
			Rule: "a final state is never left",
			Events: []Described{
				event(0, "9", "customer.deleted", "deleted", Customer(customerID, "ada@example.com", "Ada"), nil),
				event(time.Hour, "1", "customer.updated", "ada@example.com, an hour later", Customer(customerID, "ada@example.com", "Ada"), nil),
			},
			Shows: shownDeletion, Want: "deleted, without an address", Why: "Stripe never brings a customer back",
		}, {
			Rule: "a state wins over a hint",
			Events: []Described{
				event(0, "9", updated, "active", subscriptionWith("active"), nil),
				event(time.Hour, "1", "customer.subscription.trial_will_end", "trialing, an hour later", subscriptionWith("trialing"), nil),
			},
			Shows: shownSubscription, Want: "active", Why: "a notice is no update: its copy of the state may be older",
		}, {
			Rule: "a state wins over a hint",
			Events: []Described{
				event(0, "9", "customer.created", "own@example.com", Customer(customerID, "own@example.com", "Ada"), nil),
				event(time.Hour, "1", "checkout.session.completed", "typed@example.com, an hour later",
					Checkout("cs_1", customerID, "", "typed@example.com", begin), nil),
			},
			Shows: shownEmail, Want: "own@example.com", Why: "a checkout is not about the customer: it only mentions the address",
		}, {
			Rule: "the later second",
			Events: []Described{
				event(0, "9", updated, "active", subscriptionWith("active"), nil),
				event(time.Second, "1", updated, "past_due, a second later", subscriptionWith("past_due"), nil),
			},
			Shows: shownSubscription, Want: "past_due", Why: "`created` decides wherever it differs",
		}, {
			Rule: "the larger total",
			Events: []Described{
				event(0, "9", "charge.refunded", "900 in total", refundOf(900), nil),
				event(0, "1", "charge.refunded", "2900 in total", refundOf(Amount), nil),
			},
			Shows: shownRefund, Want: "2900", Why: "no history links them, and most refunds stay: they add up",
		},
	}
}

func byHistory() []Case {
	return []Case{
		{
			Rule: "the history of the second",
			Events: []Described{
				event(0, "9", created, "1 seat", seats(1), nil),
				event(time.Second, "5", updated, "a second later, 1 seat → 2", seats(2), seatsBefore(1)),
				event(time.Second, "1", updated, "in the same second, 2 seats → 3", seats(3), seatsBefore(2)),
			},
			Shows: shownSubscription, Want: "active, 3 seats", Why: "`previous_attributes`: the second change starts where the first ended",
		}, {
			Rule: "the history of the second",
			Events: []Described{
				event(0, "9", created, "1 seat", seats(1), nil),
				event(time.Second, "3", updated, "a second later, 1 seat → 2", seats(2), seatsBefore(1)),
				event(time.Second, "2", updated, "in the same second, 2 seats → 3", seats(3), seatsBefore(2)),
				event(time.Second, "1", updated, "in the same second, 3 seats → 2", seats(2), seatsBefore(3)),
			},
			Shows: shownSubscription, Want: "active, 2 seats", Why: "the example above: only the state with 2 seats is entered more often than left",
		}, {
			Rule: "the history of the second",
			Events: []Described{
				event(0, "9", created, "active", subscriptionWith("active"), nil),
				event(0, "1", updated, "active → trialing", subscriptionWith("trialing"), Object{"status": "active"}),
			},
			Shows: shownSubscription, Want: "trialing", Why: "an active subscription can be given a trial: history comes before the life cycle",
		}, {
			Rule: "the history of the second",
			Events: []Described{
				event(0, "5", created, "active", subscriptionWith("active"), nil),
				event(time.Second, "9", updated, "a second later, cancellation scheduled", subscriptionWith("active").With("cancel_at_period_end", true),
					Object{"cancel_at_period_end": false}),
				event(time.Second, "1", updated, "in the same second, undone", subscriptionWith("active"), Object{"cancel_at_period_end": true}),
			},
			Shows: shownSubscription, Want: "active", Why: "each change starts where the other ended: the walk ends where the second before it ended",
		}, {
			Rule: "the history of the second",
			Events: []Described{
				event(0, "9", created, "1 seat", seats(1), nil),
				event(time.Second, "1", updated, "a second later, 2 seats → 3", seats(3), seatsBefore(2)),
			},
			Shows: shownSubscription, Want: "active, 3 seats (Gap)", Why: "no known event led to 2 seats: an event is missing, and Stripe is asked",
		}, {
			Rule: "the history of the second",
			Events: []Described{
				event(0, "1", "charge.updated", "2900 refunded → 0, as the refund failed", refundOf(0), Object{"amount_refunded": Amount}),
				event(0, "9", "charge.refunded", "0 refunded → 2900", refundOf(Amount), Object{"amount_refunded": 0}),
			},
			Shows: shownRefund, Want: "0", Why: "a charge starts with nothing refunded, so the refund came before its failure",
		}, {
			Rule: "the history of the second",
			Events: []Described{
				event(0, "9", featuresUpdated, "none → api and sso", FeaturesOf(customerID, "api", "sso"), FeaturesBefore()),
				event(0, "1", featuresUpdated, "api and sso → sso", FeaturesOf(customerID, "sso"), FeaturesBefore("api", "sso")),
			},
			Shows: shownFeatures, Want: "sso", Why: "a customer starts without features, so they were granted before one was revoked",
		},
	}
}

func byRank() []Case {
	return []Case{
		{
			Rule: "the later stage of the life cycle",
			Events: []Described{
				event(0, "9", created, "incomplete", subscriptionWith("incomplete"), nil),
				event(0, "1", updated, "active, without previous_attributes", subscriptionWith("active"), nil),
			},
			Shows: shownSubscription, Want: "active", Why: "incomplete < trialing < active, past_due, unpaid, paused < canceled",
		}, {
			Rule: "the later stage of the life cycle",
			Events: []Described{
				event(0, "9", "invoice.created", "draft", invoice("draft"), nil),
				event(0, "1", "invoice.finalized", "open", invoice("open"), nil),
			},
			Shows: shownInvoice, Want: "open, 0 attempts", Why: "draft < open < uncollectible < paid, void",
		}, {
			Rule: "the later stage of the life cycle",
			Events: []Described{
				event(0, "9", "invoice.payment_failed", "attempt 1", FailedAttempt(invoice("open"), 1, end), nil),
				event(0, "1", "invoice.payment_failed", "attempt 2", FailedAttempt(invoice("open"), 2, end), nil),
			},
			Shows: shownInvoice, Want: "open, 2 attempts", Why: "the number of attempts only grows",
		}, {
			Rule: "the later stage of the life cycle",
			Events: []Described{
				event(0, "9", "charge.dispute.updated", "under_review", dispute("under_review"), nil),
				event(0, "1", "charge.dispute.closed", "won", dispute("won"), nil),
			},
			Shows: shownDisputes, Want: "no dispute", Why: "needs_response < under_review < won, lost",
		}, {
			Rule: "created < notice < updated < deleted",
			Events: []Described{
				event(0, "9", "customer.created", "old@example.com", Customer(customerID, "old@example.com", "Ada"), nil),
				event(0, "1", "customer.updated", "new@example.com, without previous_attributes", Customer(customerID, "new@example.com", "Ada"), nil),
			},
			Shows: shownEmail, Want: "new@example.com", Why: "an object is created before it is changed",
		}, {
			Rule: "created < notice < updated < deleted",
			Events: []Described{
				event(0, "9", updated, "canceled", subscriptionWith("canceled"), nil),
				event(0, "1", deleted, "canceled and ended", subscriptionWith("canceled").With("ended_at", end.Unix()), nil),
			},
			Shows: shownSubscription, Want: "canceled, ended", Why: "nothing comes after a deletion",
		}, {
			Rule: "created < notice < updated < deleted",
			Events: []Described{
				event(0, "9", "payment_method.updated", "expires 2031", PaymentMethod("pm_1", customerID, "4242", 8, 2031), nil),
				event(0, "1", "payment_method.detached", "taken away", PaymentMethod("pm_1", customerID, "4242", 8, 2031), nil),
			},
			Shows: shownMethods, Want: "no payment method", Why: "attached counts as created, detached as deleted: Stripe never attaches it again",
		}, {
			Rule: "the higher event id",
			Events: []Described{
				event(0, "1", updated, "active, without previous_attributes", subscriptionWith("active"), nil),
				event(0, "9", updated, "past_due, without previous_attributes", subscriptionWith("past_due"), nil),
			},
			Shows: shownSubscription, Want: "past_due (Tie)", Why: "nothing else decides: the choice is arbitrary but fixed, and Stripe is asked",
		},
	}
}

// Changes are the case's events, ready to be folded.
func (c Case) Changes() ([]projection.Change, error) {
	var changes []projection.Change
	for _, described := range c.Events {
		e, err := events.Decoder{}.Decode(described.JSON())
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", described.ID, err)
		}
		changes = append(changes, events.Change(e))
	}
	return changes, nil
}
