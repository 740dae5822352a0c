package retry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answers is Stripe: it returns a body or an error for every event.
type answers struct {
	body  string
	err   error
	asked []string
}

func (a *answers) Event(_ context.Context, account, id string) (json.RawMessage, error) {
	a.asked = append(a.asked, account+"/"+id)
	return json.RawMessage(a.body), a.err
}

func (a *answers) Object(_ context.Context, account, kind, id string) (json.RawMessage, time.Time, error) {
	a.asked = append(a.asked, account+"/"+kind+"/"+id)
	return json.RawMessage(a.body), now, a.err
}

// event returns a settled event, after changes.
func event(outcome v1alpha1.Outcome, reason v1alpha1.RecordedReason, change func(*v1alpha1.BillingEvent)) *v1alpha1.BillingEvent {
	e := &v1alpha1.BillingEvent{
		Spec: v1alpha1.BillingEventSpec{
			EventID: "evt_1", Type: "customer.subscription.deleted", Account: "acct_1", CustomerID: "cus_1", Created: metav1.NewTime(now.AddDate(0, 0, -1)),
		},
		Status: v1alpha1.BillingEventStatus{Outcome: outcome, Reason: reason},
	}
	if change != nil {
		change(e)
	}
	return e
}

func thin(e *v1alpha1.BillingEvent) {
	e.Spec.Type, e.Spec.CustomerID, e.Spec.Thin = "v1.customer.updated", "", &v1alpha1.ThinRecord{}
}

func whole(e *v1alpha1.BillingEvent) { e.Spec.Subscription = &v1alpha1.SubscriptionRecord{} }

func body(id, eventType, object string) string {
	return fmt.Sprintf(`{"id": %q, "type": %q, "created": 1500000000, "data": {"object": {"id": "sub_1", "object": "subscription", %s}}}`, id, eventType, object)
}

func TestChance(t *testing.T) {
	const deleted, read = "customer.subscription.deleted", `"customer": "cus_1", "status": "canceled"`
	spoiled := func(e *v1alpha1.BillingEvent) { e.Spec.DecodeError = "status: want a string, got a number" }
	for name, tc := range map[string]struct {
		event     *v1alpha1.BillingEvent
		stripe    *answers // nil without a key
		accounts  []string
		read      bool   // the event is read again
		says      string // part of the refusal
		wantError bool
	}{
		"a record that can be applied is not read again": {event: event(v1alpha1.OutcomeFailed, "", whole), stripe: &answers{}},
		"an error of decoding":                           {event: event(v1alpha1.OutcomeFailed, "", spoiled), stripe: &answers{body: body("evt_1", deleted, read)}, read: true},
		"a type that was not handled": {
			event: event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedUnhandledType, nil), stripe: &answers{body: body("evt_1", deleted, read)}, read: true,
		},
		"a thin event of another account, which may be the platform's own": {
			event: event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherMode, thin), accounts: []string{"acct_2"}, stripe: &answers{},
		},
		"a thin event of an account that Stripe says is not let in": {
			event: event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherAccount, thin), accounts: []string{"acct_2"}, says: "add it to --accounts",
		},
		"without a key": {event: event(v1alpha1.OutcomeFailed, "", spoiled), says: "Set STRIPE_SECRET_KEY within 30 days"},
		"after 30 days": {
			event:  event(v1alpha1.OutcomeFailed, "", spoiled),
			stripe: &answers{err: fmt.Errorf("get: %w", stripeapi.ErrNotFound)}, says: "keeps events for 30 days",
		},
		"Stripe is down": {event: event(v1alpha1.OutcomeFailed, "", spoiled), stripe: &answers{err: errors.New("503")}, wantError: true},
		"still spoiled": {
			event:  event(v1alpha1.OutcomeFailed, "", spoiled),
			stripe: &answers{body: body("evt_1", deleted, `"customer": "cus_1", "status": 7`)}, says: "status: want a string, got a number",
		},
		"another event": {
			event: event(v1alpha1.OutcomeFailed, "", spoiled), stripe: &answers{body: body("evt_2", deleted, read)}, says: "returned the event evt_2",
		},
		"another type": {
			event: event(v1alpha1.OutcomeFailed, "", spoiled), stripe: &answers{body: body("evt_1", "customer.updated", read)}, says: "(customer.updated)",
		},
		"still an account that is not let in": {
			event: event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherAccount, whole), accounts: []string{"acct_2"}, says: "add it to --accounts",
		},
		"still the other mode": {
			event: event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherMode, func(e *v1alpha1.BillingEvent) { e.Spec.Livemode = true }), says: "change --livemode",
		},
		"still a type that is not handled": {
			event: event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedUnhandledType, func(e *v1alpha1.BillingEvent) { e.Spec.Type = "unknown.type" }),
			says:  "still does not handle",
		},
		"what was read again before is enough": {
			event: event(v1alpha1.OutcomeFailed, "", func(e *v1alpha1.BillingEvent) {
				e.Status.Refetched = &v1alpha1.BillingEventSpec{Type: deleted, Subscription: &v1alpha1.SubscriptionRecord{}}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := Chance{Scope: routing.Scope{Livemode: new(false), Accounts: []string{"acct_1"}}, Clock: testingclock.NewFakePassiveClock(now)}
			if tc.accounts != nil {
				c.Scope.Accounts = tc.accounts
			}
			if tc.stripe != nil {
				c.Stripe = tc.stripe
			}
			refetched, refusal, err := c.Of(t.Context(), tc.event)
			if (err != nil) != tc.wantError || (refusal != "") != (tc.says != "") || !strings.Contains(refusal, tc.says) {
				t.Errorf("refusal %q, error %v; want %q, an error: %t", refusal, err, tc.says, tc.wantError)
			}
			if (refetched != nil) != tc.read {
				t.Fatalf("read again: %+v", refetched)
			}
			if tc.read && (refetched.Account != "acct_1" || refetched.Subscription == nil || tc.stripe.asked[0] != "acct_1/evt_1") {
				t.Errorf("read again: %+v, from %v", refetched, tc.stripe.asked)
			}
		})
	}
}

// Only events that another version or configuration lets in are opened without a request.
func TestIsLetIn(t *testing.T) {
	o := &Opener{Chance: Chance{Scope: routing.Scope{Livemode: new(false), Accounts: []string{"acct_1"}}, Decoder: events.Decoder{}}}
	for name, tc := range map[string]struct {
		event *v1alpha1.BillingEvent
		want  bool
	}{
		"the mode":              {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherMode, whole), true},
		"the type":              {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedUnhandledType, nil), true},
		"the account":           {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherAccount, whole), true},
		"no customer":           {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedNoCustomer, whole), false},
		"a customer not found":  {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedCustomerNotFound, whole), false},
		"by an earlier version": {event(v1alpha1.OutcomeRecorded, "", whole), true},
		"by an earlier version, as it names no customer": {event(v1alpha1.OutcomeRecorded, "", func(e *v1alpha1.BillingEvent) {
			whole(e)
			e.Spec.CustomerID = ""
		}), false},
		"a change of a charge that is no refund, which has no record": {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedUnhandledType, func(e *v1alpha1.BillingEvent) {
			e.Spec.Type = "charge.updated"
		}), false},
		"a refund that could not be read": {event(v1alpha1.OutcomeRecorded, "", func(e *v1alpha1.BillingEvent) {
			e.Spec.Type, e.Spec.DecodeError = "charge.updated", "amount_refunded: want an integer, got a string"
		}), true},
		"the mode, which is still another": {event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedOtherMode, func(e *v1alpha1.BillingEvent) { e.Spec.Livemode = true }), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := o.isLetIn(tc.event); got != tc.want {
				t.Errorf("isLetIn is %t, want %t", got, tc.want)
			}
		})
	}
}

// The scope changes with what decides which events are applied, and with nothing else.
func TestScopeOfTheOpener(t *testing.T) {
	scope := func(livemode *bool, key bool, accounts ...string) string {
		o := &Opener{Chance: Chance{Scope: routing.Scope{Livemode: livemode, Accounts: accounts}}}
		if key {
			o.Chance.Stripe = &answers{}
		}
		return o.scope()
	}
	first := scope(new(true), true, "acct_1", "acct_2")
	if got := scope(new(true), true, "acct_2", "acct_1"); got != first {
		t.Error("the order of --accounts changes the scope")
	}
	for name, other := range map[string]string{
		"the other mode": scope(new(false), true, "acct_1", "acct_2"), "both modes": scope(nil, true, "acct_1", "acct_2"),
		"no key": scope(new(true), false, "acct_1", "acct_2"), "fewer accounts": scope(new(true), true, "acct_1"),
	} {
		if other == first {
			t.Errorf("%s does not change the scope", name)
		}
	}
}

// An annotation and a label are one request; each new value of either is a new one, and none is answered twice.
func TestRequestOf(t *testing.T) {
	e := event(v1alpha1.OutcomeFailed, "", nil)
	long := strings.Repeat("x", 300)
	for _, step := range []struct{ annotation, label, want string }{
		{"", "", ""}, {"1", "", "1"}, {"1", "2", "2 1"}, {"", "2", "2"}, {"", "3", "3"},
		{long, "3", "3 " + long[:253]}, {long, "4", "4 " + long[:253]},
	} {
		e.Annotations, e.Labels = map[string]string{v1alpha1.AnnotationRetry: step.annotation}, map[string]string{v1alpha1.LabelRetry: step.label}
		if got := requestOf(e); got != step.want {
			t.Errorf("annotation %q, label %q: request %q, want %q", step.annotation, step.label, got, step.want)
		}
		e.Status.Retried = step.want
		if got := requestOf(e); got != "" {
			t.Errorf("the request %q is answered twice", got)
		}
	}
}
