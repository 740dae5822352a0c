package integration

import (
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// Two ids can be made up whose objects have one name. The second one's events fail, with a message, and change nothing
// of the first one's objects.
func TestIdsWhoseNamesCollide(t *testing.T) {
	t.Parallel()
	o := start(t)
	at := time.Now().Add(-time.Hour)
	cusA, cusB := collidingIDs(t, "cus_")
	subA, subB := collidingIDs(t, "sub_")
	o.send(
		Event{ID: "evt_A", Type: "customer.created", Created: at, Shape: New, Object: Customer(cusA, "a@example.com", "Ada")},
		Event{ID: "evt_subA", Type: "customer.subscription.created", Created: at, Shape: New,
			Object: Subscription(New, subA, cusA, "active", at, at.AddDate(0, 1, 0))},
	)
	o.settled()
	before := o.everyVersion()

	o.send(
		Event{ID: "evt_B", Type: "customer.updated", Created: at.Add(time.Minute), Shape: New, Object: Customer(cusB, "b@example.com", "Bob")},
		Event{ID: "evt_subB", Type: "customer.subscription.deleted", Created: at.Add(time.Minute), Shape: New,
			Object: Subscription(New, subB, cusA, "canceled", at, at.AddDate(0, 1, 0))},
	)
	o.settled()
	for _, id := range []string{"evt_B", "evt_subB"} {
		if got := o.event(id).Status; got.Outcome != v1alpha1.OutcomeFailed || !strings.Contains(got.Message, "would have the same name") {
			t.Errorf("%s is %q: %s", id, got.Outcome, got.Message)
		}
	}
	o.entitled(cusA, "True SubscriptionActive")
	if got := o.customer(cusA); got.Spec.CustomerID != cusA || got.Status.Email != "a@example.com" {
		t.Errorf("the Customer is %s with %s", got.Spec.CustomerID, got.Status.Email)
	}
	for name, version := range o.everyVersion() {
		if strings.Contains(name, "Subscription") && before[name] != version {
			t.Errorf("%s was written", name)
		}
	}
}

// collidingIDs finds two ids with one object name: they differ in the case of their letters, and the 32 bits of their
// hashes are equal. Among 2^18 ids there are about eight such pairs.
func collidingIDs(t *testing.T, prefix string) (a, b string) {
	t.Helper()
	const letters = "abcdefghijklmnopqr"
	seen := map[string]string{}
	for upper := range uint(1) << len(letters) {
		id := []byte(prefix + letters)
		for rest := upper; rest > 0; rest &= rest - 1 {
			id[len(prefix)+bits.TrailingZeros(rest)] -= 'a' - 'A'
		}
		name := naming.Object("", string(id))
		if other, collides := seen[name]; collides {
			return other, string(id)
		}
		seen[name] = string(id)
	}
	t.Fatalf("no two ids with the prefix %s have one name", prefix)
	return "", ""
}

// An invoice whose line names a subscription of another customer was made up. It fails, and holds up nothing of its customer.
func TestAnInvoiceThatBillsAnothersSubscription(t *testing.T) {
	t.Parallel()
	o := start(t)
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	end := at.AddDate(0, 1, 0)
	event := func(id, kind string, object Object) Event {
		return Event{ID: id, Type: kind, Created: at, Shape: New, Object: object}
	}
	o.send(event("evt_sub", "customer.subscription.created", Subscription(New, "sub_A", "cus_A", "active", at, end)))
	o.outcome("evt_sub", v1alpha1.OutcomeApplied)
	line := Object{"id": "il_A", "amount": Amount, "period": Object{"start": at.Unix(), "end": end.Unix()}, "type": "subscription", "subscription": "sub_A"}
	o.send(
		event("evt_invoice", "invoice.paid", Invoice(New, "in_B", "cus_B", "sub_B", "paid", Amount, at, end).
			With("lines", Object{"object": "list", "data": []any{line}})),
		event("evt_subB", "customer.subscription.created", Subscription(New, "sub_B", "cus_B", "active", at, end)),
	)
	if got := o.outcome("evt_invoice", v1alpha1.OutcomeFailed).Status.Message; !strings.Contains(got, "sub_A") {
		t.Errorf("the message %q does not name sub_A", got)
	}
	o.outcome("evt_subB", v1alpha1.OutcomeApplied)
	o.entitled("cus_B", "True SubscriptionActive")
}
