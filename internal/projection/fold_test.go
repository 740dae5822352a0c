package projection_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

var (
	end  = begin.AddDate(0, 1, 0)
	next = begin.AddDate(0, 2, 0)
)

func sub(status string) Object { return Subscription(New, "sub_A", customer, status, begin, end) }

func bill(status string, amount int) Object {
	return Invoice(New, "in_1", customer, "sub_A", status, amount, begin, end)
}

// at makes an event that Stripe created so long after the beginning. Its id consists of its type and time.
func at(after time.Duration, kind string, object Object) Event {
	return Event{ID: fmt.Sprintf("evt_%s_%s", kind, after), Type: kind, Created: begin.Add(after), Shape: New, Object: object}
}

func change(t *testing.T, e Event) projection.Change {
	t.Helper()
	decoded, err := events.Decoder{MetadataPrefix: "tollkeeper_"}.Decode(e.JSON())
	if err != nil {
		t.Fatal(err)
	}
	return events.Change(decoded)
}

// Each case folds its events one at a time, in the order given. It names the outcome of each and what shows in the end.
func TestFoldOneByOne(t *testing.T) {
	const applied, superseded = v1alpha1.OutcomeApplied, v1alpha1.OutcomeSuperseded
	subscription := func(show func(*v1alpha1.SubscriptionStatus) string) func(projection.Aggregate) string {
		return func(a projection.Aggregate) string { return show(a.Subscriptions["sub_A"]) }
	}
	status := subscription(func(s *v1alpha1.SubscriptionStatus) string { return s.Status })
	for name, tc := range map[string]struct {
		events       []Event
		wantOutcomes []v1alpha1.Outcome
		want         string
		show         func(projection.Aggregate) string
	}{
		"a late created does not undo an active": {
			[]Event{at(5*time.Second, "customer.subscription.updated", sub("active")), at(0, "customer.subscription.created", sub("incomplete"))},
			[]v1alpha1.Outcome{applied, applied}, "active, incomplete on 2026-01-31", subscription(func(s *v1alpha1.SubscriptionStatus) string {
				return fmt.Sprintf("%s, %s on %s", s.Status, "incomplete", s.StatusSince["incomplete"].Format(time.DateOnly))
			}),
		},
		"of one second, the later stage of the life cycle shows": {
			[]Event{at(0, "customer.subscription.updated", sub("active")), at(0, "customer.subscription.updated", sub("trialing")).As("evt_zzz")},
			[]v1alpha1.Outcome{applied, superseded}, "active", status,
		},
		"of one second and one stage, deleted comes after updated": {
			[]Event{at(0, "customer.subscription.deleted", sub("canceled")), at(0, "customer.subscription.updated", sub("canceled")).As("evt_zzz")},
			[]v1alpha1.Outcome{applied, superseded}, "canceled", status,
		},
		"a final state is never left": {
			[]Event{at(0, "customer.subscription.deleted", sub("canceled")), at(time.Hour, "customer.subscription.updated", sub("active"))},
			[]v1alpha1.Outcome{applied, superseded}, "canceled", status,
		},
		"a deleted subscription is canceled, whatever status its event carries": {
			[]Event{at(0, "customer.subscription.deleted", sub("active"))}, []v1alpha1.Outcome{applied}, "canceled", status,
		},
		"the announced end of a trial does not change a known state": {
			[]Event{at(0, "customer.subscription.updated", sub("active")), at(time.Hour, "customer.subscription.trial_will_end", sub("trialing"))},
			[]v1alpha1.Outcome{applied, applied}, "active", status,
		},
		"the announced end of a trial shows its state if no other is known": {
			[]Event{at(0, "customer.subscription.trial_will_end", sub("trialing"))}, []v1alpha1.Outcome{applied}, "trialing", status,
		},
		"a late refund shows beside a newer invoice": {
			[]Event{at(time.Hour, "invoice.paid", bill("paid", Amount)),
				at(0, "charge.refunded", Refunded(Charge(New, "ch_1", customer, "pi_1", "succeeded", begin), 900))},
			[]v1alpha1.Outcome{applied, applied}, "in_1, 900 back", func(a projection.Aggregate) string {
				return fmt.Sprintf("%s, %d back", a.Customer.LatestInvoice.ID, a.Customer.Refunds[0].AmountRefunded)
			},
		},
		"of one second, the larger total of refunds shows": {
			[]Event{at(0, "charge.refunded", Refunded(Charge(New, "ch_1", customer, "pi_1", "succeeded", begin), Amount)),
				at(0, "charge.refunded", Refunded(Charge(New, "ch_1", customer, "pi_1", "succeeded", begin), 900)).As("evt_zzz")},
			[]v1alpha1.Outcome{applied, superseded}, "2900 of 2900", func(a projection.Aggregate) string {
				return fmt.Sprintf("%d of %d", a.Customer.Refunds[0].AmountRefunded, a.Customer.Refunds[0].Amount)
			},
		},
		"a paid invoice stays paid": {
			[]Event{at(0, "invoice.paid", bill("paid", Amount)), at(time.Hour, "invoice.updated", bill("open", Amount))},
			[]v1alpha1.Outcome{applied, superseded}, "paid", subscription(func(s *v1alpha1.SubscriptionStatus) string { return s.LatestInvoice.Status }),
		},
		"the invoice of a free trial sets the paid period": {
			[]Event{at(0, "invoice.payment_succeeded", bill("paid", 0))}, []v1alpha1.Outcome{applied}, "2026-03-03", subscription(
				func(s *v1alpha1.SubscriptionStatus) string { return s.PaidThrough.Format(time.DateOnly) }),
		},
		"the latest failure shows, whichever arrives first": {
			[]Event{at(72*time.Hour, "invoice.payment_failed", FailedAttempt(bill("open", Amount), 2, next)),
				at(time.Hour, "invoice.payment_failed", FailedAttempt(bill("open", Amount), 1, end))},
			[]v1alpha1.Outcome{applied, superseded}, "attempt 2", subscription(func(s *v1alpha1.SubscriptionStatus) string {
				return fmt.Sprintf("attempt %d", s.LatestPaymentFailure.AttemptCount)
			}),
		},
		"of one second, the charge says why a payment failed": {
			[]Event{
				at(0, "payment_intent.payment_failed", Declined(PaymentIntent(New, "pi_1", customer, "ch_1", "", begin))).As("evt_zzz"),
				at(0, "charge.failed", Declined(Charge(New, "ch_1", customer, "pi_1", "", begin)).
					With("outcome", Object{"type": "blocked", "reason": "rule"})),
			},
			[]v1alpha1.Outcome{applied, applied}, `blocked by "rule", declined ""`, func(a projection.Aggregate) string {
				return fmt.Sprintf("blocked by %q, declined %q", a.Customer.LastFailure.BlockedBy, a.Customer.LastFailure.DeclineCode)
			},
		},
		"a customer's own event wins over a checkout, even over a later one": {
			[]Event{at(time.Hour, "checkout.session.completed", Checkout("cs_1", customer, "sub_A", "typed@example.com", begin)),
				at(0, "customer.created", Customer(customer, "own@example.com", "Ada"))},
			[]v1alpha1.Outcome{applied, applied}, "own@example.com", func(a projection.Aggregate) string { return a.Customer.Email },
		},
		"a card's own event wins over a payment, even over a later one": {
			[]Event{at(0, "customer.source.updated", Card("pm_"+customer, customer, 1, 2035)),
				at(time.Hour, "charge.succeeded", Charge(New, "ch_1", customer, "pi_1", "succeeded", begin))},
			[]v1alpha1.Outcome{applied, applied}, "1/2035", func(a projection.Aggregate) string {
				return fmt.Sprintf("%d/%d", a.Customer.PaymentMethods[0].ExpMonth, a.Customer.PaymentMethods[0].ExpYear)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var a projection.Aggregate
			var outcomes []v1alpha1.Outcome
			for _, e := range tc.events {
				outcome, _ := projection.Fold(&a, []projection.Change{change(t, e)})
				outcomes = append(outcomes, outcome...)
			}
			if diff := cmp.Diff(tc.wantOutcomes, outcomes); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, tc.show(a)); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSummarise(t *testing.T) {
	name := func(id string) string { return "object-" + id }
	pro := v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{
		Status: "active", Items: []v1alpha1.SubscriptionItem{{Entitlements: map[string]v1alpha1.Value{"seats": "5", "plan": "pro"}}},
		DefaultPaymentMethodID: "pm_2",
	}, Plan: "pro"}
	addOn := v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{
		Status: "active", Items: []v1alpha1.SubscriptionItem{{Entitlements: map[string]v1alpha1.Value{"seats": "1", "sso": "yes"}}},
	}, Plan: "sso"}
	old := v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{
		Status: "canceled", Items: []v1alpha1.SubscriptionItem{{Entitlements: map[string]v1alpha1.Value{"legacy": "yes"}}},
	}}
	a := projection.Aggregate{
		Customer: v1alpha1.CustomerStatus{PaymentMethods: []v1alpha1.PaymentMethod{
			{ID: "pm_1", ExpMonth: 1, ExpYear: 2030}, {ID: "pm_2", ExpMonth: 12, ExpYear: 2026},
		}},
		Subscriptions: map[string]*v1alpha1.SubscriptionStatus{"sub_A": &old, "sub_B": &addOn, "sub_C": &pro},
	}
	view := projection.View{Deciding: "sub_C", Entitling: []string{"sub_C", "sub_B"}, Name: name, Now: begin}
	next := projection.Summarise(&a, view)

	want := v1alpha1.CustomerStatus{
		PaymentMethods: a.Customer.PaymentMethods,
		Plan:           "pro",
		Subscriptions: []v1alpha1.SubscriptionSummary{
			{Name: "object-sub_C", SubscriptionID: "sub_C", Status: "active", Plan: "pro"},
			{Name: "object-sub_B", SubscriptionID: "sub_B", Status: "active", Plan: "sso"},
			{Name: "object-sub_A", SubscriptionID: "sub_A", Status: "canceled"},
		},
		Entitlements:  map[string]v1alpha1.Value{"seats": "5", "plan": "pro", "sso": "yes"},
		PaymentMethod: &v1alpha1.PaymentMethod{ID: "pm_2", ExpMonth: 12, ExpYear: 2026},
	}
	if diff := cmp.Diff(want, a.Customer); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	notice := metav1.NewTime(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	if diff := cmp.Diff(&notice, next); diff != "" {
		t.Errorf("the card shows as expiring from (-want +got):\n%s", diff)
	}
	view.Now = notice.Time
	if projection.Summarise(&a, view) != nil || !a.Customer.PaymentMethod.Expiring {
		t.Error("a month before its expiry the card does not show as expiring, or is to change again")
	}
	if a.Customer.PaymentMethods[1].Expiring {
		t.Error("the clock has changed what the events reported")
	}
}

// The paid period is that of the newest paid invoice, whatever is paid or reported last.
func TestPaidThroughFollowsTheNewestInvoice(t *testing.T) {
	paid := func(n int, id string, created, until time.Time) Event {
		o := bill("paid", Amount).With("id", id).With("date", created.Unix()).With("created", created.Unix())
		line := Object{"id": "il_" + id, "amount": Amount, "period": Object{"start": created.Unix(), "end": until.Unix()}, "type": "subscription"}
		return at(time.Duration(n)*time.Hour, "invoice.paid", o.With("lines", Object{"object": "list", "data": []any{line}}))
	}
	year := paid(1, "in_year", begin, begin.AddDate(1, 0, 0))
	month := paid(2, "in_month", begin.AddDate(0, 0, 5), begin.AddDate(0, 1, 5))
	late := paid(3, "in_late", begin.AddDate(0, 0, -30), begin)
	permute([]projection.Change{change(t, year), change(t, month), change(t, late)}, func(order []projection.Change) {
		var a projection.Aggregate
		for _, c := range order {
			projection.Fold(&a, []projection.Change{c})
		}
		for _, s := range a.Subscriptions {
			if want := begin.AddDate(0, 1, 5); !s.PaidThrough.Time.Equal(want) {
				t.Fatalf("paid through %s, want %s", s.PaidThrough, want)
			}
		}
	})
}

// A subscription that another one's invoice bills shows the event: the controller folds nothing more into one that shows none.
func TestASubscriptionBilledByAnothersInvoiceShowsTheEvent(t *testing.T) {
	line := Object{"id": "il_B", "amount": Amount, "period": Object{"start": begin.Unix(), "end": end.Unix()}, "type": "subscription", "subscription": "sub_B"}
	paid := at(time.Hour, "invoice.paid", bill("paid", Amount).With("lines", Object{"object": "list", "data": []any{line}}))
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{change(t, paid)})
	if s := a.Subscriptions["sub_B"]; s == nil || s.PaidThrough == nil || s.LastEvent == nil || s.LastEvent.ID != paid.ID {
		t.Errorf("the subscription is %+v, want it paid by %s", s, paid.ID)
	}
}

// A dispute shows until it is closed, in whatever order its events arrive.
func TestADisputeLeavesWhenItIsClosed(t *testing.T) {
	dispute := func(n int, eventType, status string) Event {
		return at(time.Duration(n)*time.Hour, eventType, Dispute("dp_1", "ch_1", "pi_1", begin, end).With("status", status))
	}
	for last, shows := range map[string]bool{"won": false, "warning_closed": false, "lost": true, "under_review": true} {
		opened := change(t, dispute(1, "charge.dispute.created", "needs_response"))
		withdrawn := change(t, dispute(2, "charge.dispute.funds_withdrawn", "needs_response"))
		closed := change(t, dispute(3, "charge.dispute.closed", last))
		permute([]projection.Change{opened, withdrawn, closed}, func(order []projection.Change) {
			var a projection.Aggregate
			for _, c := range order {
				projection.Fold(&a, []projection.Change{c})
			}
			if got := a.Customer.OpenDisputes; shows != (len(got) == 1) || shows && got[0].Status != last {
				t.Fatalf("closed as %s: the open disputes are %+v", last, got)
			}
		})
	}
}

// Of a lost dispute the first report counts, also if an earlier version stored it. A reading refutes a loss that was not one.
func TestWhenADisputeWasLost(t *testing.T) {
	dispute := Dispute("dp_1", "ch_1", "pi_1", begin, end)
	lost := func(a *projection.Aggregate, after time.Duration) {
		projection.Fold(a, []projection.Change{change(t, at(after, "charge.dispute.closed", dispute.With("status", "lost")))})
	}
	var a projection.Aggregate
	check := func(when string, want time.Duration) {
		t.Helper()
		if got := a.Customer.OpenDisputes[0].LostAt; want == 0 && got != nil || want > 0 && (got == nil || !got.Time.Equal(begin.Add(want))) {
			t.Errorf("%s: lost at %v, want %s after the begin", when, got, want)
		}
	}
	lost(&a, hour)
	a.Customer.OpenDisputes[0].LostAt = nil // as an earlier version stored it
	lost(&a, 5*hour)
	check("reported again", hour)
	projection.Read(&a, readingOf(t, dispute, begin.Add(6*hour)))
	check("refuted", 0)
	lost(&a, 7*hour)
	check("lost at last", 7*hour)
}

// A reading shows an open dispute that no event reported, but not one that is closed: that one may have ended years ago.
func TestAReadingShowsAnOpenDispute(t *testing.T) {
	for status, shows := range map[string]bool{
		"needs_response": true, "warning_needs_response": true, "under_review": true,
		"won": false, "lost": false, "warning_closed": false,
	} {
		reading := *change(t, at(0, "charge.dispute.created", Dispute("dp_1", "ch_1", "pi_1", begin, end).With("status", status))).Event
		reading.EventID, reading.Type, reading.Created = projection.EventRead, "charge.dispute.read", metav1.NewTime(begin.Add(time.Hour))
		var a projection.Aggregate
		d := projection.Read(&a, &reading)
		if got := a.Customer.OpenDisputes; shows != (len(got) == 1) || shows != (len(d.Repaired) > 0) {
			t.Errorf("read as %s: the open disputes are %+v, and %+v", status, got, d)
		}
		if d := projection.Read(&a, &reading); differs(d) {
			t.Errorf("read as %s again: %+v", status, d)
		}
	}
}
