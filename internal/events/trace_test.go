package events

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// The state after one event is the state before the next one, in both shapes.
func TestTraceLeadsFromEventToEvent(t *testing.T) {
	for _, shape := range []Shape{Old, New} {
		sub := func(status string) Object {
			return Subscription(shape, "sub_A", "cus_A", status, begin, begin.AddDate(0, 1, 0))
		}
		renewed := Subscription(shape, "sub_A", "cus_A", "active", begin.AddDate(0, 1, 0), begin.AddDate(0, 2, 0)).With("start_date", begin.Unix())
		renewedFrom := Object{"items": sub("active")["items"]}
		if shape == Old {
			renewedFrom = Object{"current_period_start": begin.Unix(), "current_period_end": begin.AddDate(0, 1, 0).Unix()}
		}
		renewed = renewed.With("created", sub("active")["created"])
		invoice := func(status string, due int) Object {
			return Invoice(shape, "in_1", "cus_A", "sub_A", status, due, begin, begin.AddDate(0, 1, 0))
		}
		for name, events := range map[string][]Event{
			"a status": {
				{Type: "customer.subscription.created", Object: sub("incomplete")},
				{Type: "customer.subscription.updated", Object: sub("active"), Previous: Object{"status": "incomplete"}},
			},
			"a period": {
				{Type: "customer.subscription.updated", Object: sub("active"), Previous: Object{"status": "incomplete"}},
				{Type: "customer.subscription.updated", Object: renewed, Previous: renewedFrom},
			},
			"a nested field of a customer": {
				{Type: "customer.created", Object: Customer("cus_A", "a@example.com", "Ada")},
				{Type: "customer.updated", Previous: Object{"invoice_settings": Object{"default_payment_method": nil}},
					Object: Customer("cus_A", "a@example.com", "Ada").With("invoice_settings", Object{"default_payment_method": "pm_1"})},
			},
			"metadata": {
				{Type: "customer.created", Object: Customer("cus_A", "a@example.com", "Ada")},
				{Type: "customer.updated", Previous: Object{"metadata": Object{"tollkeeper_tenant": "cus_A"}},
					Object: Customer("cus_A", "a@example.com", "Ada").With("metadata", Object{"tollkeeper_tenant": "other", "internal_note": "new"})},
			},
			"an amount": {
				{Type: "invoice.created", Object: invoice("draft", 100)},
				{Type: "invoice.updated", Object: invoice("draft", 200), Previous: Object{"amount_due": 100, "amount_remaining": 100}},
			},
		} {
			t.Run(string(shape)+"/"+name, func(t *testing.T) {
				first, second := traceOf(t, events[0], shape), traceOf(t, events[1], shape)
				if first.StateAfter == "" || second.StateBefore != first.StateAfter {
					t.Errorf("the second event begins at %q, the first one ends at %q", second.StateBefore, first.StateAfter)
				}
				if second.StateAfter == second.StateBefore {
					t.Error("the second event changes nothing")
				}
				if made := events[0].Previous == nil; made != (first.StateBefore == v1alpha1.StateNone) {
					t.Errorf("the first event begins at %q", first.StateBefore)
				}
			})
		}
	}
}

// An event without readable previous_attributes has no state before; an untracked field is no change.
func TestTraceOfIncompleteEvents(t *testing.T) {
	sub := Subscription(New, "sub_A", "cus_A", "active", begin, begin.AddDate(0, 1, 0))
	silent := traceOf(t, Event{Type: "customer.subscription.updated", Object: sub}, New)
	if silent.StateBefore != "" {
		t.Errorf("an event without previous_attributes begins at %q", silent.StateBefore)
	}
	odd := traceOf(t, Event{Type: "customer.subscription.updated", Object: sub, Previous: Object{"status": []string{"odd"}}}, New)
	if odd.StateBefore != "" {
		t.Errorf("an event whose previous_attributes cannot be read begins at %q", odd.StateBefore)
	}
	untracked := traceOf(t, Event{Type: "customer.subscription.updated", Object: sub, Previous: Object{"description": "old"}}, New)
	if untracked.StateBefore != untracked.StateAfter {
		t.Errorf("a change of an untracked field leads from %q to %q", untracked.StateBefore, untracked.StateAfter)
	}
	cut := traceOf(t, Event{Type: "customer.subscription.updated", Object: sub, Previous: Object{"items": Object{"data": []Object{}}}}, "2017-04-06")
	if cut.StateBefore != "" {
		t.Errorf("an event whose earlier list is cut begins at %q", cut.StateBefore)
	}
	item := sub["items"].(Object)["data"].([]Object)[0]
	renamed := item.With("price", item["price"].(Object).With("nickname", "New name").With("lookup_key", "new").With("metadata", Object{}))
	other := traceOf(t, Event{Type: "customer.subscription.updated", Object: sub.With("items", Object{"data": []Object{renamed}})}, New)
	if other.StateAfter != silent.StateAfter {
		t.Error("a price's new name changes the subscription's state")
	}
}

func traceOf(t *testing.T, e Event, shape Shape) v1alpha1.Trace {
	t.Helper()
	e.ID, e.Created, e.Shape = "evt_1", begin, shape
	decoded, err := decoder.Decode(e.JSON())
	if err != nil || decoded.DecodeError != "" {
		t.Fatalf("%s: %v %s", e.Type, err, decoded.DecodeError)
	}
	switch {
	case decoded.Subscription != nil:
		return decoded.Subscription.Trace
	case decoded.Customer != nil:
		return decoded.Customer.Trace
	default:
		return decoded.Invoice.Trace
	}
}

// A hash's version changes with what the hash depends on, and with nothing else.
func TestVersionOfAStateHash(t *testing.T) {
	version := func(e Event, prefix string) string {
		decoded, err := Decoder{MetadataPrefix: prefix}.Decode(e.JSON())
		if err != nil {
			t.Fatal(err)
		}
		trace := v1alpha1.Trace{}
		switch {
		case decoded.Customer != nil:
			trace = decoded.Customer.Trace
		case decoded.Subscription != nil:
			trace = decoded.Subscription.Trace
		}
		before, _, found := strings.Cut(trace.StateAfter, v1alpha1.StateVersionEnd)
		if !found || before == "" {
			t.Fatalf("the hash %q has no version", trace.StateAfter)
		}
		return before
	}
	customer := Event{Type: "customer.updated", Shape: New, Created: begin, ID: "evt_1", Object: Customer("cus_A", "a@example.com", "Ada")}
	moved := customer
	moved.Object = Customer("cus_A", "b@example.com", "Ada")
	sub := Event{
		Type: "customer.subscription.updated", Shape: New, Created: begin, ID: "evt_2",
		Object: Subscription(New, "sub_A", "cus_A", "active", begin, begin.AddDate(0, 1, 0)),
	}
	switch {
	case version(customer, "a_") != version(moved, "a_"):
		t.Error("the version of a customer's hash changes with its content")
	case version(customer, "a_") == version(customer, "b_"):
		t.Error("the version of a customer's hash does not change with the metadata prefix")
	case version(sub, "a_") != version(sub, "b_"):
		t.Error("the version of a subscription's hash changes with the metadata prefix, which it does not depend on")
	case version(customer, "a_") == version(sub, "a_"):
		t.Error("the version does not depend on the tracked fields")
	}
}

// The version depends on every field that a state's JSON shows, nested ones included.
func TestFieldsOfAState(t *testing.T) {
	type inner struct {
		At v1alpha1.Value `json:"at"`
	}
	type state struct {
		Name  string            `json:"name,omitempty"`
		Items []inner           `json:"items"`
		More  map[string]*inner `json:"more"`
		When  *time.Time        `json:"when"`
	}
	const want = "{name,omitempty string; items slice {at v1alpha1.Value; }; more map ptr {at v1alpha1.Value; }; when ptr time.Time; }"
	if got := fieldsOf(reflect.TypeFor[state]()); got != want {
		t.Errorf("fields of the state: %s\nwant %s", got, want)
	}
}
