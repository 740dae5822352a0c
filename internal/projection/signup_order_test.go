package projection_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// signupLife is a customer's checkouts, and what happened before the first of them was opened.
type signupLife struct {
	events   []Event
	sessions []string // those that were paid, in the order in which they were opened
	isOld    bool     // whether the customer was served or paid before
	story    string
}

// A checkout is opened at a minute of its own, is completed within the same hour, and may take days to be paid.
func (l *signupLife) add(after time.Duration, kind string, o Object) {
	e := at(after, kind, o)
	l.events = append(l.events, e.As(fmt.Sprintf("evt_%03d_%s", len(l.events), strings.ReplaceAll(kind, ".", "_"))))
}

// checkouts are the ways in which a checkout can go, by name. Each returns whether the customer got something.
var checkouts = map[string]func(l *signupLife, session Object, opened time.Duration) bool{
	"paid": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session)
		l.add(opened+time.Minute, "charge.succeeded", Charge(New, "ch_"+session.ID(), customer, "pi_"+session.ID(), "succeeded", begin.Add(opened)))
		return true
	},
	"trial": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("payment_status", "no_payment_required"))
		l.add(opened+time.Minute, "customer.subscription.created",
			Trial(New, "sub_"+session.ID(), customer, begin.Add(opened+time.Minute), end))
		return true
	},
	"setup": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("mode", "setup").With("payment_status", "no_payment_required"))
		return false
	},
	"expired": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Hour, "checkout.session.expired", session.With("status", "expired").With("payment_status", "unpaid"))
		return false
	},
	"debit waits": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("payment_status", "unpaid"))
		return false
	},
	"debit settled": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("payment_status", "unpaid"))
		l.add(opened+72*time.Hour, "payment_intent.succeeded",
			PaymentIntent(New, "pi_"+session.ID(), customer, "ch_"+session.ID(), "succeeded", begin.Add(opened)))
		l.add(opened+72*time.Hour+time.Second, "checkout.session.async_payment_succeeded", session)
		return true
	},
	"debit settled, reported by the payment alone": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("payment_status", "unpaid"))
		l.add(opened+72*time.Hour, "charge.succeeded",
			Charge(New, "ch_"+session.ID(), customer, "pi_"+session.ID(), "succeeded", begin.Add(opened)))
		return true
	},
	"debit settled, reported by the invoice alone": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("payment_status", "unpaid").With("payment_intent", nil))
		invoice := Invoice(New, "in_"+session.ID(), customer, "sub_"+session.ID(), "paid", Amount, begin.Add(opened), end)
		invoice["status_transitions"] = Object{"paid_at": begin.Add(opened + 72*time.Hour).Unix()}
		l.add(opened+72*time.Hour, "invoice.paid", invoice)
		return true
	},
	"debit failed": func(l *signupLife, session Object, opened time.Duration) bool {
		l.add(opened+time.Minute, "checkout.session.completed", session.With("payment_status", "unpaid"))
		l.add(opened+72*time.Hour, "checkout.session.async_payment_failed", session.With("payment_status", "unpaid"))
		if opened > 2*time.Hour { // some customers pay the open invoice in another way
			l.add(opened+96*time.Hour, "invoice.paid", Invoice(New, "in_"+session.ID(), customer, "sub_"+session.ID(), "paid", Amount,
				begin.Add(opened+96*time.Hour), end))
		}
		return false
	},
}

// histories are what can be known from before, by name. Each returns whether it makes the customer an old one.
var histories = map[string]func(l *signupLife) bool{
	"nothing": func(*signupLife) bool { return false },
	"a failed attempt": func(l *signupLife) bool {
		l.add(-48*time.Hour, "customer.subscription.created", Subscription(New, "sub_0", customer, "incomplete", begin.Add(-48*time.Hour), end))
		l.add(-48*time.Hour, "invoice.updated", Invoice(New, "in_0", customer, "sub_0", "open", Amount, begin.Add(-48*time.Hour), end))
		l.add(-48*time.Hour, "charge.failed", Declined(Charge(New, "ch_0", customer, "pi_0", "", begin.Add(-48*time.Hour))))
		expired := at(-25*time.Hour, "customer.subscription.updated",
			Subscription(New, "sub_0", customer, "incomplete_expired", begin.Add(-48*time.Hour), end))
		expired.Previous = Object{"status": "incomplete"}
		l.events = append(l.events, expired)
		return false
	},
	"a canceled attempt": func(l *signupLife) bool {
		l.add(-48*time.Hour, "customer.subscription.created", Subscription(New, "sub_0", customer, "incomplete", begin.Add(-48*time.Hour), end))
		l.add(-47*time.Hour, "customer.subscription.deleted", Subscription(New, "sub_0", customer, "canceled", begin.Add(-48*time.Hour), end))
		return false
	},
	"a subscription": func(l *signupLife) bool {
		l.add(-48*time.Hour, "customer.subscription.updated", Subscription(New, "sub_0", customer, "active", begin.Add(-48*time.Hour), end))
		return true
	},
	"a subscription that ended": func(l *signupLife) bool {
		l.add(-time.Hour, "customer.subscription.deleted", Subscription(New, "sub_0", customer, "canceled", begin.Add(-48*time.Hour), end))
		return true
	},
	"a payment": func(l *signupLife) bool {
		l.add(-48*time.Hour, "charge.succeeded", Charge(New, "ch_0", customer, "pi_0", "succeeded", begin.Add(-48*time.Hour)))
		return true
	},
}

func randomSignupLife(random *rand.Rand) signupLife {
	pick := func(names []string) string { slices.Sort(names); return names[random.IntN(len(names))] }
	var l signupLife
	history := pick(keysOf(histories))
	l.story = history
	l.isOld = histories[history](&l)
	if !l.isOld && random.IntN(2) == 0 {
		l.add(-72*time.Hour, "customer.created", Customer(customer, "ada@example.com", "Ada"))
	}
	for n := range 1 + random.IntN(4) {
		opened := time.Duration(n)*time.Hour + time.Duration(random.IntN(50))*time.Minute
		id, way := fmt.Sprintf("cs_%d", random.IntN(1_000_000)), pick(keysOf(checkouts))
		session := Checkout(id, customer, "sub_"+id, "ada@example.com", begin.Add(opened)).With("payment_intent", "pi_"+id)
		if checkouts[way](&l, session, opened) {
			l.sessions = append(l.sessions, id)
		}
		l.story += ", " + way
	}
	return l
}

func keysOf[T any](m map[string]T) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// deliverSignup folds the life's events in a random order, in random batches, some of them twice, with restarts in between. It
// returns after how many of the batches the customer was a new one that had signed up.
func deliverSignup(t *testing.T, l signupLife, random *rand.Rand) (a *projection.Aggregate, isNew []bool) {
	t.Helper()
	var changes []projection.Change
	for _, e := range l.events {
		changes = append(changes, change(t, e))
	}
	random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	a = &projection.Aggregate{}
	for rest := changes; len(rest) > 0; {
		n := 1 + random.IntN(len(rest))
		for range 1 + random.IntN(2) { // the process may stop before it writes the outcomes
			batch := slices.Clone(rest[:n])
			batch = append(batch, changes[random.IntN(len(changes)-len(rest)+n)]) // one that was delivered before
			foldRecalling(a, batch, changes)
		}
		isNew = append(isNew, projection.IsNew(a))
		text, err := json.Marshal(a)
		restarted := &projection.Aggregate{}
		if err != nil || json.Unmarshal(text, restarted) != nil {
			t.Fatal(err)
		}
		a, rest = restarted, rest[n:]
	}
	return a, isNew
}

// Whatever the order, the batches, the duplicates and the restarts: the first checkout that was paid is the sign-up, and the customer is
// new unless it was served or paid before. A new customer is sent its e-mails, whichever event comes last.
func TestSignupDoesNotDependOnOrder(t *testing.T) {
	for seed := range uint64(600) {
		random := rand.New(rand.NewPCG(seed, 5))
		l := randomSignupLife(random)
		var first *projection.Aggregate
		for range 12 {
			a, isNew := deliverSignup(t, l, random)
			wanted, got := slices.Concat(l.sessions, []string{""})[0], ""
			if a.Customer.Signup != nil {
				got = a.Customer.Signup.SessionID
			}
			if wantNew := !l.isOld && len(l.sessions) > 0; got != wanted || projection.IsNew(a) != wantNew {
				t.Fatalf("seed %d (%s): the sign-up is %q, new: %t; want %q, %t", seed, l.story, got, projection.IsNew(a), wanted, wantNew)
			}
			if last := isNew[len(isNew)-1]; last != projection.IsNew(a) {
				t.Fatalf("seed %d (%s): new: %t before a restart, %t after it", seed, l.story, last, !last)
			}
			if first == nil {
				first = a
			}
			if diff := cmp.Diff(first, a); diff != "" {
				t.Fatalf("seed %d (%s): two orders differ (-one +other):\n%s", seed, l.story, diff)
			}
		}
	}
}

// More checkouts and payments than a status holds leave the earliest ones, in any order.
func TestTheEarliestCheckoutsAndPaymentsAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	for _, paidAt := range []int{-1, 3, 11} { // which of the checkouts is paid at once
		var l signupLife
		for n := range 12 {
			id, opened := fmt.Sprintf("cs_%02d", n), time.Duration(n)*time.Hour
			session := Checkout(id, customer, "sub_"+id, "ada@example.com", begin.Add(opened)).With("payment_intent", "pi_"+id)
			if n != paidAt {
				session["payment_status"] = "unpaid"
			}
			l.add(opened, "checkout.session.completed", session)
			l.add(opened, "charge.succeeded", Charge(New, "ch_"+id, customer, "pi_other_"+id, "succeeded", begin.Add(opened)))
		}
		l.add(40*24*time.Hour, "charge.succeeded", Charge(New, "ch_late", customer, "pi_cs_00", "succeeded", begin))
		var first *projection.Aggregate
		for range 200 {
			a, _ := deliverSignup(t, l, random)
			if first == nil {
				first = a
			}
			if diff := cmp.Diff(first, a); diff != "" {
				t.Fatalf("two orders differ (-one +other):\n%s", diff)
			}
		}
		c := first.Customer
		if len(c.Checkouts) > 8 || len(c.FirstPayments) != 8 || c.FirstPayments[0].ID != "pi_other_cs_00" {
			t.Errorf("%d checkouts, and the payments %v", len(c.Checkouts), c.FirstPayments)
		}
		if got := c.Signup != nil; got != (paidAt >= 0) {
			t.Errorf("with checkout %d paid, the sign-up is %+v", paidAt, c.Signup)
		}
	}
}
