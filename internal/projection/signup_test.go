package projection_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// Which checkout is the sign-up, and whether the customer is a new one, for every order of the events.
func TestSignup(t *testing.T) {
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	session := func(id string, opened int) Object {
		return Checkout(id, customer, "sub_A", "ada@example.com", minute(opened))
	}
	checkout := func(n int, o Object) Event { return at(time.Duration(n)*time.Minute, "checkout.session.completed", o) }
	subscription := func(n int, eventType, id, status string) Event {
		return at(time.Duration(n)*time.Minute, eventType, Subscription(New, id, customer, status, minute(n), end))
	}
	created := at(0, "customer.created", Customer(customer, "ada@example.com", "Ada"))
	paid := checkout(12, session("cs_1", 10))
	for name, tc := range map[string]struct {
		events []Event
		signup string // the session; empty if there is none
		isNew  bool
	}{
		"one paid checkout":                   {[]Event{created, paid}, "cs_1", true},
		"its own subscription":                {[]Event{paid, subscription(11, "customer.subscription.created", "sub_A", "active")}, "cs_1", true},
		"its own payment":                     {[]Event{paid, at(11*time.Minute, "charge.succeeded", Charge(New, "ch_1", customer, "pi_1", "succeeded", minute(11)))}, "cs_1", true},
		"a trial, which costs nothing":        {[]Event{checkout(12, session("cs_1", 10).With("payment_status", "no_payment_required"))}, "cs_1", true},
		"an active subscription from before":  {[]Event{paid, subscription(1, "customer.subscription.created", "sub_0", "active")}, "cs_1", false},
		"a trial from before":                 {[]Event{paid, subscription(1, "customer.subscription.created", "sub_0", "trialing")}, "cs_1", false},
		"a canceled subscription from before": {[]Event{paid, subscription(1, "customer.subscription.deleted", "sub_0", "canceled")}, "cs_1", false},
		"a payment from before":               {[]Event{paid, at(time.Minute, "charge.succeeded", Charge(New, "ch_0", customer, "pi_0", "succeeded", minute(1)))}, "cs_1", false},
		"a first attempt that failed": {[]Event{
			created, paid, subscription(1, "customer.subscription.created", "sub_0", "incomplete"),
			at(2*time.Minute, "charge.failed", Charge(New, "ch_0", customer, "pi_0", "failed", minute(2))),
			subscription(3, "customer.subscription.updated", "sub_0", "incomplete_expired"),
		}, "cs_1", true},
		"a setup of a payment method": {[]Event{created, checkout(12, session("cs_1", 10).With("mode", "setup").With("payment_status", "no_payment_required"))}, "", false},
		"an unpaid checkout":          {[]Event{created, checkout(12, session("cs_1", 10).With("payment_status", "unpaid"))}, "", false},
		"an unpaid checkout that is paid later": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid")),
			at(20*time.Minute, "checkout.session.async_payment_succeeded", session("cs_1", 10)),
		}, "cs_1", true},
		"an unpaid checkout whose payment fails": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid")),
			at(20*time.Minute, "checkout.session.async_payment_failed", session("cs_1", 10).With("payment_status", "unpaid")),
		}, "", false},
		"two tabs": {[]Event{paid, checkout(14, session("cs_2", 11)), subscription(13, "customer.subscription.created", "sub_B", "active")}, "cs_1", true},
		"an unpaid checkout and a paid one, whose debit succeeds last": {[]Event{
			checkout(12, session("cs_2", 9).With("payment_status", "unpaid")), paid,
			at(20*time.Minute, "checkout.session.async_payment_succeeded", session("cs_2", 9)),
		}, "cs_2", true},
	} {
		t.Run(name, func(t *testing.T) {
			var changes []projection.Change
			for _, e := range tc.events {
				changes = append(changes, change(t, e))
			}
			var first *v1alpha1.CustomerStatus
			permute(changes, func(order []projection.Change) {
				var a projection.Aggregate
				for _, c := range order { // one batch for each event
					projection.Fold(&a, []projection.Change{c})
				}
				got := ""
				if a.Customer.Signup != nil {
					got = a.Customer.Signup.SessionID
				}
				if got != tc.signup || projection.IsNew(&a.Customer) != tc.isNew {
					t.Fatalf("the sign-up is %q, new: %t; want %q, %t", got, projection.IsNew(&a.Customer), tc.signup, tc.isNew)
				}
				if first == nil {
					first = &a.Customer
				}
				if diff := cmp.Diff(first, &a.Customer); diff != "" {
					t.Fatalf("another order gives another status (-first +now):\n%s", diff)
				}
			})
		})
	}
}

// permute calls visit with every order of the changes.
func permute(changes []projection.Change, visit func([]projection.Change)) {
	var rest func(n int)
	rest = func(n int) {
		if n == len(changes) {
			visit(changes)
			return
		}
		for i := n; i < len(changes); i++ {
			changes[n], changes[i] = changes[i], changes[n]
			rest(n + 1)
			changes[n], changes[i] = changes[i], changes[n]
		}
	}
	rest(0)
}

// A customer who was read from Stripe with an older subscription is not new, whatever arrives first.
func TestAReadingIsHistory(t *testing.T) {
	old := at(time.Minute, "customer.subscription.updated", Subscription(New, "sub_0", customer, "active", begin, end))
	reading := *change(t, old).Event
	reading.EventID, reading.Type, reading.Created = projection.EventRead, "customer.subscription.read", metav1.NewTime(begin.Add(time.Hour))
	checkout := change(t, at(12*time.Minute, "checkout.session.completed",
		Checkout("cs_1", customer, "sub_A", "ada@example.com", begin.Add(10*time.Minute))))
	for name, steps := range map[string][]func(*projection.Aggregate){
		"the reading first": {
			func(a *projection.Aggregate) { projection.Read(a, &reading) },
			func(a *projection.Aggregate) { projection.Fold(a, []projection.Change{checkout}) },
		},
		"the checkout first": {
			func(a *projection.Aggregate) { projection.Fold(a, []projection.Change{checkout}) },
			func(a *projection.Aggregate) { projection.Read(a, &reading) },
		},
	} {
		var a projection.Aggregate
		for _, step := range steps {
			step(&a)
		}
		if projection.IsNew(&a.Customer) {
			t.Errorf("%s: the customer is new", name)
		}
	}
}
