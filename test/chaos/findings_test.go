package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// endState is the state after a run of two histories, one of which has a checkout.
type endState struct {
	state     state
	histories []*history
	imported  []*imported
	acked     map[string]string
	messages  []mailguntest.Message
	customer  map[string]string // by token
}

func (e *endState) consume(token string) (string, error) {
	if customer, known := e.customer[token]; known {
		return customer, nil
	}
	return "", passwordreset.ErrInvalid
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

// soundEndState returns an endState without problems.
func soundEndState(t *testing.T) *endState {
	t.Helper()
	e := &endState{customer: map[string]string{}}
	for _, h := range newHistories(20, 1) {
		if len(e.histories) == 0 && h.signsUp || len(e.histories) == 1 && !h.signsUp {
			e.histories = append(e.histories, h)
		}
	}
	if len(e.histories) != 2 {
		t.Fatalf("%d histories, want one with a checkout and one without", len(e.histories))
	}
	e.histories[1].isThin = true
	e.acked = sentEvents(e.histories)
	for id, eventType := range e.acked {
		e.state.events.Items = append(e.state.events.Items, v1alpha1.BillingEvent{
			ObjectMeta: named(naming.Object("", id)), Spec: v1alpha1.BillingEventSpec{EventID: id, Type: eventType},
		})
	}
	for _, h := range e.histories {
		e.state.customers.Items = append(e.state.customers.Items, v1alpha1.Customer{
			ObjectMeta: named(h.customerName()), Spec: v1alpha1.CustomerSpec{CustomerID: h.customer},
		})
		for _, id := range h.subscriptions {
			e.state.subscriptions.Items = append(e.state.subscriptions.Items, v1alpha1.Subscription{
				ObjectMeta: named(naming.Object("", id)), Spec: v1alpha1.SubscriptionSpec{SubscriptionID: id},
			})
		}
	}
	e.imported = newImported()[:1]
	e.state.customers.Items = append(e.state.customers.Items, v1alpha1.Customer{
		ObjectMeta: named(e.imported[0].name()), Spec: v1alpha1.CustomerSpec{Account: e.imported[0].world.Account, CustomerID: e.imported[0].customer},
		Status: v1alpha1.CustomerStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: metav1.ConditionTrue}}},
	})
	for _, o := range e.imported[0].world.Objects("subscription") {
		e.state.subscriptions.Items = append(e.state.subscriptions.Items, v1alpha1.Subscription{
			ObjectMeta: named("imported"), Spec: v1alpha1.SubscriptionSpec{Account: e.imported[0].world.Account, SubscriptionID: o.ID()},
		})
	}
	signedUp := e.histories[0]
	token := passwordreset.NewToken(signedUp.customerName())
	e.customer[token] = signedUp.customer
	e.state.resets.Items = []v1alpha1.PasswordReset{{ObjectMeta: named(passwordreset.ObjectName(signedUp.customerName()))}}
	e.mail(v1alpha1.EmailWelcome, "Welcome to Kite", "Hello.")
	e.mail(v1alpha1.EmailPasswordReset, "Choose your password for Kite", "Here:\n\n"+resetURL+"?token="+token+"\n\nOnce.")
	return e
}

// mail adds an Email and its message to the customer with the checkout.
func (e *endState) mail(purpose v1alpha1.EmailPurpose, subject, text string) {
	h := e.histories[0]
	id := string(purpose) + "@" + mailguntest.Domain
	e.state.emails.Items = append(e.state.emails.Items, v1alpha1.Email{
		ObjectMeta: named(naming.Email(h.customerName(), purpose)),
		Spec: v1alpha1.EmailSpec{
			CustomerRef: v1alpha1.ObjectReference{Name: h.customerName()}, Purpose: purpose, SessionID: slices.Collect(maps.Keys(h.checkouts))[0],
		},
		Status: v1alpha1.EmailStatus{Attempt: &v1alpha1.EmailAttempt{MessageID: id}},
	})
	to := ""
	for address := range h.addresses {
		to = `"Ada" <` + address + `>`
	}
	e.messages = append(e.messages, mailguntest.Message{Fields: map[string][]string{
		"to": {to}, "subject": {subject}, "text": {text}, "h:Message-Id": {"<" + id + ">"},
	}})
}

func TestFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		damage        func(e *endState)
		lost, doubled int
		want          string // a part of the problems; empty for none
	}{
		"sound": {func(*endState) {}, 0, 0, ""},
		"an acknowledged event is gone": {
			func(e *endState) { e.state.events.Items = e.state.events.Items[1:] }, 1, 0, "was acknowledged but not recorded",
		},
		"an event has two records": {
			func(e *endState) { e.state.events.Items = append(e.state.events.Items, e.state.events.Items[0]) }, 0, 1, "has 2 BillingEvents",
		},
		"an event has Failed": {func(e *endState) { e.state.events.Items[0].Status.Outcome = v1alpha1.OutcomeFailed }, 0, 0, "has Failed"},
		"an event that was never sent": {
			func(e *endState) {
				e.state.events.Items = append(e.state.events.Items, v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{EventID: "evt_x"}})
			}, 0, 0, "evt_x, which was never sent",
		},
		"a customer is missing": {
			func(e *endState) { e.state.customers.Items = e.state.customers.Items[1:] }, 1, 0, "there is no Customer of ",
		},
		"an unexpected customer": {
			func(e *endState) {
				e.state.customers.Items = append(e.state.customers.Items, v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_x"}})
			}, 0, 2, "there is an unexpected Customer of cus_x",
		},
		"an imported customer is missing": {
			func(e *endState) { e.state.customers.Items = e.state.customers.Items[:2] }, 1, 0, "there is no Customer of ",
		},
		"a thin event is recorded, and not the event that it names": {
			func(e *endState) {
				e.state.events.Items = slices.DeleteFunc(e.state.events.Items, func(b v1alpha1.BillingEvent) bool {
					return b.Spec.EventID == e.histories[1].events[0].ID
				})
			}, 1, 0, "was acknowledged but not recorded",
		},
		"a subscription is missing": {
			func(e *endState) { e.state.subscriptions.Items = e.state.subscriptions.Items[1:] }, 1, 0, "there is no Subscription of ",
		},
		"no welcome was planned": {
			func(e *endState) { e.state.emails.Items, e.messages = e.state.emails.Items[1:], e.messages[1:] }, 1, 0, "there is no Email ",
		},
		"a welcome without a checkout": {
			func(e *endState) { e.histories[0].signsUp = false }, 0, 3, "there is an unexpected ",
		},
		"a welcome was not sent":   {func(e *endState) { e.messages = e.messages[1:] }, 1, 0, "Mailgun does not have it"},
		"a welcome was sent twice": {func(e *endState) { e.messages = append(e.messages, e.messages[0]) }, 0, 1, "was sent 2 times"},
		"a message of no Email": {
			func(e *endState) {
				e.messages = append(e.messages, mailguntest.Message{Fields: map[string][]string{"h:Message-Id": {"<x@y>"}}})
			}, 0, 1, "x@y, which belongs to no Email",
		},
		"a welcome for no checkout of the customer": {
			func(e *endState) { e.state.emails.Items[0].Spec.SessionID = "cs_other" }, 0, 0, `for session "cs_other"`,
		},
		"to another customer": {
			func(e *endState) {
				for address := range e.histories[1].addresses {
					e.messages[0].Fields["to"] = []string{address}
				}
			}, 0, 0, "which is not the customer's address",
		},
		"with the subject of another purpose": {
			func(e *endState) { e.messages[0].Fields["subject"] = e.messages[1].Fields["subject"] }, 0, 0, "want that of Welcome",
		},
		"a welcome with a reset link": {
			func(e *endState) { e.messages[0].Fields["text"] = e.messages[1].Fields["text"] }, 0, 0, "it has a password reset link",
		},
		"no link":                   {func(e *endState) { e.messages[1].Fields["text"] = []string{"Hello."} }, 0, 0, "it has no link"},
		"a link that does not work": {func(e *endState) { clear(e.customer) }, 0, 0, "its link does not work"},
		"a link of another customer": {
			func(e *endState) {
				for token := range e.customer {
					e.customer[token] = e.histories[1].customer
				}
			}, 0, 0, "its link is for ",
		},
		"no PasswordReset for the link": {func(e *endState) { e.state.resets.Items = nil }, 1, 0, "there is no PasswordReset "},
	} {
		t.Run(name, func(t *testing.T) {
			e, f := soundEndState(t), &findings{}
			tc.damage(e)
			f.checkEvents(&e.state, sentEvents(e.histories), e.acked)
			f.checkObjects(&e.state, e.histories, e.imported)
			if err := f.checkEmails(&e.state, e.histories, e.messages, e.consume); err != nil {
				t.Fatal(err)
			}
			if f.lost != tc.lost || f.doubled != tc.doubled {
				t.Errorf("lost=%d doubled=%d, want %d and %d", f.lost, f.doubled, tc.lost, tc.doubled)
			}
			problems := strings.Join(f.problems, "\n")
			if (tc.want == "") != (problems == "") || !strings.Contains(problems, tc.want) {
				t.Errorf("the problems are %q, want %q in them", problems, tc.want)
			}
		})
	}
}

// Every difference from the undisturbed run counts, except for the time at which a condition was written and the checkout
// that planned an e-mail.
func TestDivergence(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(s *state)
		want   int
	}{
		"no difference":                {func(*state) {}, 0},
		"an event's record":            {func(s *state) { s.events.Items[0].Spec.PayloadSHA256 = "other" }, 1},
		"a customer's status":          {func(s *state) { s.customers.Items[0].Status.Plan = "other" }, 1},
		"a missing subscription":       {func(s *state) { s.subscriptions.Items = s.subscriptions.Items[1:] }, 1},
		"when a customer was imported": {func(s *state) { s.customers.Items[2].Status.LastEvent = &v1alpha1.EventReference{} }, 0},
		"what was imported":            {func(s *state) { s.customers.Items[2].Status.Plan = "other" }, 1},
		"an e-mail's purpose":          {func(s *state) { s.emails.Items[0].Spec.Purpose = "other" }, 1},
		"an e-mail's checkout":         {func(s *state) { s.emails.Items[0].Spec.SessionID = "other" }, 0},
		"a transition time": {func(s *state) {
			s.customers.Items[0].Status.Conditions = []metav1.Condition{{LastTransitionTime: metav1.Now()}}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			sound := soundEndState(t)
			sound.state.customers.Items[0].Status.Conditions = []metav1.Condition{{}}
			want := sound.state.results()
			damaged := *sound.state.customers.DeepCopy()
			s := sound.state
			s.customers = damaged
			s.events, s.subscriptions, s.emails = *s.events.DeepCopy(), *s.subscriptions.DeepCopy(), *s.emails.DeepCopy()
			tc.damage(&s)
			f := &findings{}
			f.checkDivergence(want, s.results())
			if f.diverged != tc.want || len(f.problems) != tc.want {
				t.Errorf("diverged=%d with %q, want %d", f.diverged, f.problems, tc.want)
			}
		})
	}
}
