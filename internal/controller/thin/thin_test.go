package thin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// source answers from memory, and notes what it is asked for. An answer of "refused" and one of "down" are errors.
type source struct {
	answers map[string]string // JSON by id
	asked   []string
	at      time.Time
}

var errDown = errors.New("stripe cannot be reached")

var errInvalid = &stripeapi.InvalidError{Param: "id"}

func (s *source) get(account, kind, id string) (json.RawMessage, error) {
	s.asked = append(s.asked, strings.Trim(account+" "+kind+" "+id, " "))
	switch answer, has := s.answers[id]; {
	case !has:
		return nil, fmt.Errorf("get %s: %w", id, stripeapi.ErrNotFound)
	case answer == "refused":
		return nil, fmt.Errorf("get %s: %w", id, stripeapi.ErrRefused)
	case answer == "circuit":
		return nil, fmt.Errorf("get %s: %w", id, &stripeapi.RefusalError{Account: "acct_2"})
	case answer == "invalid":
		return nil, fmt.Errorf("get %s: %w", id, errInvalid)
	case answer == "down":
		return nil, errDown
	default:
		return json.RawMessage(answer), nil
	}
}

func (s *source) Event(_ context.Context, account, id string) (json.RawMessage, error) {
	return s.get(account, "event", id)
}

func (s *source) ThinEvent(_ context.Context, path, id string) (json.RawMessage, error) {
	return s.get(path, "thin", id)
}

func (s *source) Object(_ context.Context, account, kind, id string) (json.RawMessage, time.Time, error) {
	raw, err := s.get(account, kind, id)
	return raw, s.at, err
}

// recorder keeps the ids of the events, by account.
type recorder struct {
	recorded []string
	err      error
}

func name(e *v1alpha1.BillingEventSpec) string { return strings.Trim(e.Account+" "+e.EventID, " ") }

func (r *recorder) Known(_ context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	for _, id := range r.recorded {
		if id == name(e) {
			return true, nil
		}
	}
	return false, nil
}

func (r *recorder) Record(_ context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	if r.err != nil {
		return false, r.err
	}
	r.recorded = append(r.recorded, name(e))
	return true, nil
}

// thinJSON is a thin event about the customer cus_1, a minute old, with more fields.
func thinJSON(id, more string) string {
	return fmt.Sprintf(`{"id": %q, "object": "v2.core.event", "type": "v1.customer.updated", "created": %q, "livemode": false,
		"related_object": {"id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1"}%s}`,
		id, begin.Add(-time.Minute).Format(time.RFC3339Nano), more)
}

const (
	snapshot = `{"id": "evt_1", "type": "customer.updated", "created": 1769860740, "data": {"object": {"id": "cus_1", "object": "customer"}}}`
	customer = `{"id": "cus_1", "object": "customer", "email": "ada@example.com"}`
)

// run reconciles the delivered thin event once, and returns its status.
func run(t *testing.T, r *Reconciler, delivered string) (v1alpha1.BillingEventStatus, error) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	spec, err := r.Decoder.Decode([]byte(delivered))
	if err != nil {
		t.Fatal(err)
	}
	e := &v1alpha1.BillingEvent{Spec: *spec}
	e.Namespace, e.Name = "ns", "thin"
	r.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e).WithObjects(e).Build()
	r.Clock = clocktesting.NewFakePassiveClock(begin)
	if r.Scope.Accounts == nil {
		r.Scope = routing.Scope{Accounts: []string{"acct_2"}}
	}
	_, err = r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(e)})
	if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
		t.Fatal(err)
	}
	return e.Status, err
}

func TestWhatBecomesOfAThinEvent(t *testing.T) {
	const named = `, "snapshot_event": "evt_1"`
	old := strings.Replace(thinJSON("evt_t", ""), "2026-01-31", "2025-12-01", 1)
	for what, tc := range map[string]struct {
		delivered string
		answers   map[string]string
		known     []string
		accounts  []string // --accounts, if not acct_2

		asked, recorded []string
		outcome         v1alpha1.Outcome
		message         string // a part of it
		err             error
	}{
		"Stripe names its snapshot event": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": thinJSON("evt_t", named), "evt_1": snapshot},
			asked: []string{"thin evt_t", "event evt_1"}, recorded: []string{"evt_1"}, outcome: v1alpha1.OutcomeRecorded, message: "evt_1 (customer.updated)",
		},
		"it names the snapshot event itself": {
			delivered: thinJSON("evt_t", named), answers: map[string]string{"evt_1": snapshot},
			asked: []string{"event evt_1"}, recorded: []string{"evt_1"}, outcome: v1alpha1.OutcomeRecorded, message: "evt_1",
		},
		"the snapshot event has come": {
			delivered: thinJSON("evt_t", named), known: []string{"evt_1"}, recorded: []string{"evt_1"}, outcome: v1alpha1.OutcomeRecorded,
			message: "recorded before",
		},
		"of a connected account in an organization": {
			delivered: thinJSON("evt_t", `, "context": "acct_1/acct_2"`),
			answers:   map[string]string{"evt_t": thinJSON("evt_t", named), "evt_1": snapshot},
			asked:     []string{"acct_1/acct_2 thin evt_t", "acct_2 event evt_1"}, recorded: []string{"acct_2 evt_1"},
			outcome: v1alpha1.OutcomeRecorded, message: "evt_1",
		},
		"of an account that is not let in": {
			delivered: thinJSON("evt_t", `, "context": "acct_3"`), asked: []string{"thin evt_t"}, outcome: v1alpha1.OutcomeRecorded,
			message: "the connected account acct_3, which is not let in",
		},
		"of the platform's own account, by its id": {
			delivered: thinJSON("evt_t", `, "context": "acct_3"`), answers: map[string]string{"evt_t": thinJSON("evt_t", named), "evt_1": snapshot},
			asked: []string{"thin evt_t", "event evt_1"}, recorded: []string{"evt_1"}, outcome: v1alpha1.OutcomeRecorded, message: "evt_1",
		},
		"of a connected account, and all are let in": {
			delivered: thinJSON("evt_t", `, "context": "acct_3"`), accounts: []string{"*"},
			asked: []string{"thin evt_t", "acct_3 thin evt_t"}, outcome: v1alpha1.OutcomeFailed, message: "does not know this event",
		},
		"of the platform's own account, and its object is gone": {
			delivered: thinJSON("evt_t", `, "context": "acct_3"`), answers: map[string]string{"evt_t": thinJSON("evt_t", "")},
			asked: []string{"thin evt_t", "customer cus_1"}, outcome: v1alpha1.OutcomeRecorded, message: "does not have the customer cus_1",
		},
		"without a snapshot event": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": thinJSON("evt_t", ""), "cus_1": customer},
			asked: []string{"thin evt_t", "customer cus_1"}, recorded: []string{"evt_t_read"}, outcome: v1alpha1.OutcomeRecorded,
			message: "customer cus_1 was read from Stripe, and is recorded as the event evt_t_read (customer.updated)",
		},
		"its object was recorded before a crash": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": thinJSON("evt_t", "")}, known: []string{"evt_t_read"},
			asked: []string{"thin evt_t"}, recorded: []string{"evt_t_read"}, outcome: v1alpha1.OutcomeRecorded, message: "recorded before",
		},
		"its object is gone": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": thinJSON("evt_t", "")},
			asked: []string{"thin evt_t", "customer cus_1"}, outcome: v1alpha1.OutcomeRecorded, message: "does not have the customer cus_1",
		},
		"its object was deleted since": {
			delivered: thinJSON("evt_t", ""),
			answers:   map[string]string{"evt_t": thinJSON("evt_t", ""), "cus_1": `{"id": "cus_1", "object": "customer", "deleted": true}`},
			asked:     []string{"thin evt_t", "customer cus_1"}, outcome: v1alpha1.OutcomeRecorded, message: "has deleted the customer cus_1",
		},
		"of a type that is not handled": {delivered: strings.ReplaceAll(thinJSON("evt_t", ""), "customer", "payout")},
		"its object cannot be read by its id": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": strings.Replace(thinJSON("evt_t", ""), `"type": "customer"`, `"type": "card"`, 1)},
			asked: []string{"thin evt_t"}, outcome: v1alpha1.OutcomeRecorded, message: `the "card", which cannot be read by its id`,
		},
		"Stripe does not know it": {
			delivered: thinJSON("evt_t", ""), asked: []string{"thin evt_t"}, outcome: v1alpha1.OutcomeFailed, message: "does not know this event",
		},
		"Stripe does not know it any more": {
			delivered: old, asked: []string{"thin evt_t"}, outcome: v1alpha1.OutcomeRecorded, message: "keeps events for 30 days",
		},
		"its snapshot event is another one": {
			delivered: thinJSON("evt_t", named), answers: map[string]string{"evt_1": strings.Replace(snapshot, "evt_1", "evt_2", 1)},
			asked: []string{"event evt_1"}, outcome: v1alpha1.OutcomeFailed, message: "returned the event evt_2 when it was asked for the snapshot event evt_1",
		},
		"its snapshot event is no event": {
			delivered: thinJSON("evt_t", named), answers: map[string]string{"evt_1": `{}`},
			asked: []string{"event evt_1"}, outcome: v1alpha1.OutcomeFailed, message: "cannot be read: the event has no id",
		},
		"Stripe has a snapshot event under its id": {
			delivered: thinJSON("evt_1", ""), answers: map[string]string{"evt_1": snapshot},
			asked: []string{"thin evt_1"}, outcome: v1alpha1.OutcomeFailed, message: "when it was asked for the thin event evt_1",
		},
		"Stripe has another thin event under its id": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": thinJSON("evt_u", named)},
			asked: []string{"thin evt_t"}, outcome: v1alpha1.OutcomeFailed, message: "returned the event evt_u when it was asked for the thin event evt_t",
		},
		"Stripe's event has another type": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": strings.Replace(thinJSON("evt_t", ""), "v1.customer", "v2.customer", 1)},
			asked: []string{"thin evt_t"}, outcome: v1alpha1.OutcomeRecorded, message: "of another type",
		},
		"Stripe cannot be reached": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": "down"}, asked: []string{"thin evt_t"}, err: errDown,
		},
		"the object cannot be reached": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": thinJSON("evt_t", ""), "cus_1": "down"},
			asked: []string{"thin evt_t", "customer cus_1"}, err: errDown,
		},
		"the key may not read it": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": "refused"}, asked: []string{"thin evt_t"},
			message: "give a restricted key the permission", err: stripeapi.ErrRefused,
		},
		"the account is refused: it is asked again after Stripe's pause, without an error in the log": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": "circuit"}, asked: []string{"thin evt_t"},
			message: "Stripe refuses to the API key",
		},
		"Stripe does not accept the request": {
			delivered: thinJSON("evt_t", ""), answers: map[string]string{"evt_t": "invalid"}, asked: []string{"thin evt_t"},
			message: "does not accept the request", err: errInvalid,
		},
	} {
		t.Run(what, func(t *testing.T) {
			stripe, kept := &source{answers: tc.answers, at: begin}, &recorder{recorded: tc.known}
			r := &Reconciler{Stripe: stripe, Recorder: kept, Scope: routing.Scope{Accounts: tc.accounts}}
			status, err := run(t, r, tc.delivered)
			if !errors.Is(err, tc.err) {
				t.Errorf("the error is %v, want %v", err, tc.err)
			}
			if status.Outcome != tc.outcome || !strings.Contains(status.Message, tc.message) {
				t.Errorf("the outcome is %q, %q; want %q, … %s …", status.Outcome, status.Message, tc.outcome, tc.message)
			}
			if diff := cmp.Diff(tc.asked, stripe.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.recorded, kept.recorded); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
		})
	}
}

// Without a key, thin events wait as long as Stripe keeps them: the backlog is bounded.
func TestThinEventsWithoutAKey(t *testing.T) {
	old := strings.Replace(thinJSON("evt_t", ""), "2026-01-31", "2025-12-01", 1)
	for name, tc := range map[string]struct {
		delivered string
		outcome   v1alpha1.Outcome
		message   string
	}{
		"new": {thinJSON("evt_t", ""), v1alpha1.OutcomePending, "It waits until STRIPE_SECRET_KEY is set"},
		"old": {old, v1alpha1.OutcomeRecorded, "keeps events for 30 days, and this one is older"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{Recorder: &recorder{}}
			status, err := run(t, r, tc.delivered)
			if err != nil || status.Outcome != tc.outcome || !strings.Contains(status.Message, tc.message) {
				t.Errorf("outcome %q, %q (%v); want %q, … %s …", status.Outcome, status.Message, err, tc.outcome, tc.message)
			}
			if r.IsWaitingForKey() != (tc.outcome == v1alpha1.OutcomePending) {
				t.Errorf("waiting: %t", r.IsWaitingForKey())
			}
		})
	}
}

// Several thin events about one object, none with a snapshot event, lead to one reading if it is newer than all of them.
func TestOneReadingServesSeveralEvents(t *testing.T) {
	stripe := &source{answers: map[string]string{"cus_1": customer}, at: begin.Add(-time.Minute)} // of the events' second
	r := &Reconciler{Stripe: stripe, Recorder: &recorder{}}
	for i := range 5 {
		id := fmt.Sprintf("evt_t%d", i)
		stripe.answers[id] = thinJSON(id, "")
		if status, err := run(t, r, thinJSON(id, "")); err != nil || status.Outcome != v1alpha1.OutcomeRecorded {
			t.Fatal(status, err)
		}
		if i == 1 {
			stripe.at = begin
		}
	}
	readings := 0
	for _, asked := range stripe.asked {
		if asked == "customer cus_1" {
			readings++
		}
	}
	if readings != 3 {
		t.Errorf("%d readings, want 3: the first two may be older than their events", readings)
	}
	for i := range 3 * maxObjects {
		r.objects.keep(objectID{id: fmt.Sprint(i)}, reading{raw: json.RawMessage(customer)})
	}
	r.objects.keep(objectID{id: "large"}, reading{raw: make(json.RawMessage, maxKept+1)})
	if _, kept := r.objects.byID[objectID{id: "large"}]; kept || len(r.objects.byID) > maxObjects {
		t.Errorf("%d objects are kept, a large one among them: %t", len(r.objects.byID), kept)
	}
}
