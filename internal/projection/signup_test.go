package projection_test

import (
	"fmt"
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
		"an unpaid checkout whose payment succeeds, which only the payment reports": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid").With("payment_intent", "pi_1")),
			at(20*time.Minute, "charge.succeeded", Charge(New, "ch_1", customer, "pi_1", "succeeded", minute(20))),
			at(21*time.Minute, "payment_intent.succeeded", PaymentIntent(New, "pi_1", customer, "ch_1", "succeeded", minute(10))),
		}, "cs_1", true},
		"an unpaid checkout beside another payment": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid").With("payment_intent", "pi_1")),
			at(20*time.Minute, "charge.succeeded", Charge(New, "ch_2", customer, "pi_2", "succeeded", minute(20))),
		}, "", false},
		"an unpaid checkout whose invoice is paid": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid")),
			subscription(11, "customer.subscription.created", "sub_A", "active"),
			at(20*time.Minute, "invoice.paid", Invoice(New, "in_1", customer, "sub_A", "paid", Amount, minute(11), end)),
		}, "cs_1", true},
		"an unpaid checkout whose invoice is open": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid")),
			at(20*time.Minute, "invoice.updated", Invoice(New, "in_1", customer, "sub_A", "open", Amount, minute(11), end)),
		}, "", false},
		"a checkout whose debit failed and whose invoice is paid by hand": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid")),
			at(20*time.Minute, "checkout.session.async_payment_failed", session("cs_1", 10).With("payment_status", "unpaid")),
			at(30*time.Minute, "invoice.paid", Invoice(New, "in_1", customer, "sub_A", "paid", Amount, minute(11), end)),
		}, "", false},
		"a failed debit, which does not say so itself": {[]Event{
			at(20*time.Minute, "checkout.session.async_payment_failed", session("cs_1", 10).With("payment_status", nil)),
		}, "", false},
		"a debit that succeeded, of a session that does not say so itself": {[]Event{
			checkout(12, session("cs_1", 10).With("payment_status", "unpaid")),
			at(20*time.Minute, "checkout.session.async_payment_succeeded", session("cs_1", 10).With("payment_status", "unpaid")),
		}, "cs_1", true},
		"a first checkout that expired": {[]Event{
			created, at(9*time.Minute, "checkout.session.expired", session("cs_0", 1).With("status", "expired").With("payment_status", "unpaid")), paid,
		}, "cs_1", true},
		"a first checkout whose debit failed": {[]Event{
			checkout(3, session("cs_0", 1).With("payment_status", "unpaid")),
			at(9*time.Minute, "checkout.session.async_payment_failed", session("cs_0", 1).With("payment_status", "unpaid")), paid,
		}, "cs_1", true},
		"a first checkout that only set up a card": {[]Event{
			checkout(3, session("cs_0", 1).With("mode", "setup").With("payment_status", "no_payment_required")), paid,
		}, "cs_1", true},
		"a first attempt that was canceled": {[]Event{
			paid, subscription(1, "customer.subscription.created", "sub_0", "incomplete"),
			at(2*time.Minute, "customer.subscription.deleted", Subscription(New, "sub_0", customer, "canceled", minute(1), end)),
		}, "cs_1", true},
		"drafts, open and void invoices from before": {[]Event{
			paid,
			at(time.Minute, "invoice.created", Invoice(New, "in_0", customer, "", "draft", Amount, minute(1), end)),
			at(2*time.Minute, "invoice.finalized", Invoice(New, "in_1", customer, "", "open", Amount, minute(1), end)),
			at(3*time.Minute, "invoice.updated", Invoice(New, "in_2", customer, "", "void", Amount, minute(1), end)),
		}, "cs_1", true},
		"a paid invoice from before": {[]Event{
			paid, at(2*time.Minute, "invoice.paid", Invoice(New, "in_0", customer, "", "paid", Amount, minute(1), end)),
		}, "cs_1", false},
		"a subscription from before that is unpaid": {[]Event{paid, subscription(1, "customer.subscription.updated", "sub_0", "unpaid")}, "cs_1", false},
		"a first checkout, of an old customer, with a status of payment that is new": {[]Event{
			paid, subscription(1, "customer.subscription.updated", "sub_0", "past_due"),
			checkout(9, session("cs_0", 8).With("payment_status", "of_the_future")),
		}, "cs_1", false},
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
				if got != tc.signup || projection.IsNew(&a) != tc.isNew {
					t.Fatalf("the sign-up is %q, new: %t; want %q, %t", got, projection.IsNew(&a), tc.signup, tc.isNew)
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

// A customer that was read from Stripe with an older subscription that was served is not new, whatever arrives first.
func TestAReadingIsHistory(t *testing.T) {
	old := begin.AddDate(0, 0, -10)
	subscription := func(status string) Object { return Subscription(New, "sub_0", customer, status, old, end) }
	checkout := change(t, at(12*time.Minute, "checkout.session.completed",
		Checkout("cs_1", customer, "sub_A", "ada@example.com", begin.Add(10*time.Minute))))
	began := change(t, at(-10*24*time.Hour, "customer.subscription.created", subscription("incomplete")))
	for name, tc := range map[string]struct {
		read  Object
		isNew bool
	}{
		"active":                          {subscription("active"), false},
		"in a trial":                      {subscription("trialing"), false},
		"past due":                        {subscription("past_due"), false},
		"unpaid":                          {subscription("unpaid"), false},
		"canceled after days":             {subscription("canceled").With("ended_at", old.AddDate(0, 0, 3).Unix()), false},
		"canceled within a day":           {subscription("canceled").With("ended_at", old.Add(time.Hour).Unix()), true},
		"canceled in its trial":           {subscription("canceled").With("ended_at", old.Add(time.Hour).Unix()).With("trial_start", old.Unix()), false},
		"paused after its trial":          {subscription("paused").With("trial_start", old.Unix()), false},
		"paused by a first failure":       {subscription("paused"), true},
		"incomplete":                      {subscription("incomplete"), true},
		"never paid":                      {subscription("incomplete_expired").With("ended_at", old.Add(23*time.Hour).Unix()), true},
		"started after the session began": {Subscription(New, "sub_0", customer, "active", begin.Add(11*time.Minute), end), true},
	} {
		reading := *change(t, at(0, "customer.subscription.updated", tc.read)).Event
		reading.EventID, reading.Type, reading.Created = projection.EventRead, "customer.subscription.read", metav1.NewTime(begin.Add(time.Hour))
		steps := []func(*projection.Aggregate){
			func(a *projection.Aggregate) { projection.Read(a, &reading) },
			func(a *projection.Aggregate) { projection.Fold(a, []projection.Change{checkout}) },
			func(a *projection.Aggregate) { projection.Fold(a, []projection.Change{began}) },
		}
		for order := range permutations(len(steps)) {
			var a projection.Aggregate
			for _, i := range order {
				steps[i](&a)
			}
			if got := projection.IsNew(&a); got != tc.isNew {
				t.Errorf("%s, in the order %v: new: %t, want %t", name, order, got, tc.isNew)
			}
		}
	}
}

// A sign-up is completed when it is paid: its e-mails may be sent from then on, for as long as those of any other.
func TestASignupIsCompletedWhenItIsPaid(t *testing.T) {
	session := Checkout("cs_1", customer, "", "ada@example.com", begin).With("payment_intent", "pi_1").With("payment_status", "unpaid")
	day := 24 * time.Hour
	steps := []struct {
		event Event
		want  time.Duration // after the beginning; 0 if there is no sign-up
	}{
		{at(time.Minute, "checkout.session.completed", session), 0},
		{at(4*day, "charge.succeeded", Charge(New, "ch_1", customer, "pi_1", "succeeded", begin)), 4 * day},
		{at(4*day+time.Hour, "checkout.session.async_payment_succeeded", session.With("payment_status", "paid")), 4*day + time.Hour},
	}
	var a projection.Aggregate
	for _, step := range steps {
		projection.Fold(&a, []projection.Change{change(t, step.event)})
		got := time.Duration(0)
		if a.Customer.Signup != nil {
			got = a.Customer.Signup.CompletedAt.Sub(begin)
		}
		if got != step.want {
			t.Errorf("after %s the sign-up is completed at %s, want %s", step.event.Type, got, step.want)
		}
	}
}

// The payments of the customer's later life are not kept.
func TestOnlyTheFirstPaymentsAreKept(t *testing.T) {
	var a projection.Aggregate
	for _, day := range []int{60, 27, 0, 29} {
		id, paid := fmt.Sprintf("pi_day%d", day), time.Duration(day)*24*time.Hour
		projection.Fold(&a, []projection.Change{
			change(t, at(paid, "charge.succeeded", Charge(New, "ch_"+id, customer, id, "succeeded", begin.Add(paid)))),
		})
	}
	var kept []string
	for _, p := range a.Customer.FirstPayments {
		kept = append(kept, p.ID)
	}
	if diff := cmp.Diff([]string{"pi_day0", "pi_day27"}, kept); diff != "" {
		t.Errorf("payments (-want +got):\n%s", diff)
	}
}

// Of a canceled subscription whose beginning is not known it is assumed that it was served, however short it was.
func TestACanceledSubscriptionOfUnknownBeginningIsHistory(t *testing.T) {
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{
		change(t, at(-time.Hour, "customer.subscription.deleted", Subscription(New, "sub_0", customer, "canceled", begin.Add(-2*time.Hour), end))),
		change(t, at(12*time.Minute, "checkout.session.completed", Checkout("cs_1", customer, "sub_A", "ada@example.com", begin))),
	})
	if projection.IsNew(&a) {
		t.Error("the customer is new")
	}
}

// A status that an earlier version wrote has no servedSince and no paidSince: what it shows is history all the same.
func TestAStatusOfAnEarlierVersionIsHistory(t *testing.T) {
	before := metav1.NewTime(begin.AddDate(-1, 0, 0))
	for name, a := range map[string]*projection.Aggregate{
		"a subscription": {Subscriptions: map[string]*v1alpha1.SubscriptionStatus{
			"sub_0": {SubscriptionState: v1alpha1.SubscriptionState{Status: "active", StartedAt: &before}},
		}},
		"a payment": {Customer: v1alpha1.CustomerStatus{LastPayment: &v1alpha1.Payment{At: before, Amount: Amount}}},
	} {
		projection.Fold(a, []projection.Change{
			change(t, at(12*time.Minute, "checkout.session.completed", Checkout("cs_1", customer, "sub_A", "ada@example.com", begin))),
		})
		if projection.IsNew(a) {
			t.Errorf("%s: the customer is new", name)
		}
	}
}
