package integration

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// life returns the events of one customer, in the order in which they happened.
func life(shape Shape, begin time.Time) []Event {
	const customer, sub = "cus_Life", "sub_Life"
	end, next := begin.AddDate(0, 1, 0), begin.AddDate(0, 2, 0)
	created := Subscription(shape, sub, customer, "incomplete", begin, end)
	first := Invoice(shape, "in_1", customer, sub, "paid", Amount, begin, end)
	second := Invoice(shape, "in_2", customer, sub, "open", Amount, end, next)
	renewed := Subscription(shape, sub, customer, "past_due", end, next).With("start_date", begin.Unix())
	recovered := renewed.With("status", "active")
	return assignIDs([]Event{
		{Type: "customer.created", Created: begin, Object: Customer(customer, "ada@example.com", "Ada")},
		{Type: "customer.subscription.created", Created: begin, Object: created},
		{Type: "payment_intent.created", Created: begin, Object: PaymentIntent(shape, "pi_1", customer, "", "requires_payment_method", begin)},
		{Type: "charge.succeeded", Created: begin, Object: Charge(shape, "ch_1", customer, "pi_1", "succeeded", begin)},
		{Type: "payment_intent.succeeded", Created: begin, Object: PaymentIntent(shape, "pi_1", customer, "ch_1", "succeeded", begin)},
		{Type: "customer.subscription.updated", Created: begin, Object: created.With("status", "active"), Previous: Object{"status": "incomplete"}},
		{Type: "invoice.paid", Created: begin, Object: first},
		{Type: "invoice.payment_succeeded", Created: begin, Object: first},
		{Type: "checkout.session.completed", Created: begin.Add(time.Second), Object: Checkout("cs_1", customer, sub, "ada@example.com", begin)},
		{Type: "invoice.created", Created: end, Object: Invoice(shape, "in_2", customer, sub, "draft", Amount, end, next)},
		{Type: "invoice.finalized", Created: end.Add(time.Hour), Object: second},
		{Type: "charge.failed", Created: end.Add(time.Hour), Object: Declined(Charge(shape, "ch_2", customer, "pi_2", "", end.Add(time.Hour)))},
		{Type: "invoice.payment_failed", Created: end.Add(time.Hour), Object: FailedAttempt(second, 1, end.Add(72*time.Hour))},
		{Type: "customer.subscription.updated", Created: end.Add(time.Hour), Object: renewed, Previous: Object{"status": "active"}},
		{Type: "invoice.payment_failed", Created: end.Add(72 * time.Hour), Object: FailedAttempt(second, 2, end.Add(144*time.Hour))},
		{Type: "customer.updated", Created: end.Add(73 * time.Hour), Object: Customer(customer, "ada@newmail.example", "Ada")},
		{Type: "invoice.paid", Created: end.Add(74 * time.Hour), Object: Invoice(shape, "in_2", customer, sub, "paid", Amount, end, next)},
		{Type: "customer.subscription.updated", Created: end.Add(74 * time.Hour), Object: recovered, Previous: Object{"status": "past_due"}},
		{Type: "charge.refunded", Created: end.Add(80 * time.Hour), Object: Refunded(Charge(shape, "ch_1", customer, "pi_1", "succeeded", begin), 900)},
		{Type: "charge.dispute.created", Created: end.Add(90 * time.Hour), Object: Dispute("dp_1", "ch_1", "pi_1", end.Add(90*time.Hour), next)},
		{Type: "customer.subscription.updated", Created: end.Add(100 * time.Hour), Object: recovered.With("cancel_at_period_end", true)},
		{Type: "customer.subscription.deleted", Created: next, Object: recovered.With("status", "canceled").With("ended_at", next.Unix())},
	}, shape)
}

// assignIDs sets ids that sort in another order than the events happened, as Stripe's do.
func assignIDs(events []Event, shape Shape) []Event {
	for i := range events {
		events[i].ID = fmt.Sprintf("evt_%02d", (i*37+11)%97)
		events[i].Shape = shape
	}
	return events
}

// statuses are the statuses after the events of life.
type statuses struct {
	Customer     v1alpha1.CustomerStatus
	Subscription v1alpha1.SubscriptionStatus
}

func (o *operator) statuses() statuses {
	return statuses{o.customer("cus_Life").Status, o.subscription("sub_Life").Status}
}

// ignoreProcessing leaves out the times at which the operator has decided.
var ignoreProcessing = cmp.Options{
	cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime"), cmpopts.IgnoreFields(v1alpha1.CustomerStatus{}, "ChangedAt"),
}

// Orders, batches, duplicates and restarts do not change the final statuses.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	begin := time.Now().AddDate(0, -3, 0).Truncate(time.Second)
	events := life(New, begin)
	forward := start(t)
	forward.send(events...)
	forward.settled()
	want := forward.statuses()
	if want.Subscription.Status != "canceled" || want.Customer.Email != "ada@newmail.example" {
		t.Fatalf("unexpected final state: %s, %s", want.Subscription.Status, want.Customer.Email)
	}

	backward := slices.Clone(events)
	slices.Reverse(backward)
	for name, deliver := range map[string]func(o *operator) *operator{
		"backwards": func(o *operator) *operator { o.send(backward...); return o },
		"backwards, each settled before the next": func(o *operator) *operator {
			for _, e := range backward {
				o.send(e)
				if e.Type != "charge.dispute.created" { // pending until its charge arrives
					o.settledEvent(e.ID)
				}
			}
			return o
		},
		"twice, with a restart in the middle": func(o *operator) *operator {
			o.send(backward[:len(backward)/2]...)
			o.stop()
			o = startIn(o.t, o.namespace)
			o.send(backward...)
			return o
		},
		"all at once": func(o *operator) *operator {
			var all sync.WaitGroup
			for _, e := range events {
				all.Go(func() {
					if code, err := o.endpoint.Post(o.t.Context(), e); err != nil || code != http.StatusOK {
						o.t.Errorf("post %s: %d %v", e.Type, code, err)
					}
				})
			}
			all.Wait()
			return o
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := deliver(start(t))
			o.settled()
			if diff := cmp.Diff(want, o.statuses(), ignoreProcessing); diff != "" {
				t.Errorf("statuses (-forward +%s):\n%s", name, diff)
			}
			if got := len(o.events()); got != len(events) {
				t.Errorf("%d BillingEvents, want %d", got, len(events))
			}
		})
	}
}

// settledEvent waits until the event has an outcome.
func (o *operator) settledEvent(id string) {
	o.t.Helper()
	o.eventually(id+" has an outcome", func() string {
		if o.event(id).Status.Outcome == v1alpha1.OutcomePending {
			return "it is pending"
		}
		return ""
	})
}

// An event that is posted many times at once to two replicas is recorded once.
func TestADuplicateStormIsOneEvent(t *testing.T) {
	t.Parallel()
	first := start(t, func(c *config.Config) { c.LeaderElect = true })
	second := startIn(t, first.namespace, func(c *config.Config) { c.LeaderElect = true })
	now := time.Now()
	e := Event{
		ID: "evt_storm", Type: "customer.subscription.created", Created: now, Shape: New,
		Object: Subscription(New, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0)),
	}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			code, err := []*operator{first, second}[i%2].endpoint.Post(t.Context(), e)
			if err != nil || code != http.StatusOK {
				t.Errorf("delivery %d: %d %v", i, code, err)
			}
		})
	}
	all.Wait()
	first.settled()
	if got := len(first.events()); got != 1 {
		t.Errorf("%d BillingEvents, want 1", got)
	}
	first.entitled("cus_A", "True SubscriptionActive")
}

// Without new events no object is written, not even when another operator takes over.
func TestStatusesComeToRest(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	o.send(life(New, now.AddDate(0, -3, 0))...)
	o.settled()
	before := o.versions()
	o.stop()
	o = startIn(t, o.namespace)
	for i := range 5 { // the same workers handle these after the customer of life
		o.send(Event{
			ID: fmt.Sprintf("evt_other%d", i), Type: "customer.created", Created: now, Shape: New,
			Object: Customer("cus_Other", "bob@example.com", "Bob"),
		})
		o.settled()
	}
	if diff := cmp.Diff(before, o.versions()); diff != "" {
		t.Errorf("resourceVersions moved (-before +after):\n%s", diff)
	}
}

// versions returns the resourceVersions of all objects of life.
func (o *operator) versions() map[string]string {
	versions := map[string]string{}
	for _, object := range []client.Object{o.customer("cus_Life"), o.subscription("sub_Life")} {
		versions[object.GetName()] = object.GetResourceVersion()
	}
	for _, e := range o.emails() {
		versions[e.Name] = e.ResourceVersion
	}
	for _, e := range o.events() {
		if e.Spec.CustomerID != "cus_Other" {
			versions[e.Name] = e.ResourceVersion
		}
	}
	return versions
}

// Entitled changes by the clock, without an event.
func TestEntitledChangesByTheClock(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) {
		c.Policy.GracePeriod, c.Policy.TrialLeeway = 4*time.Second, 0
	})
	now := time.Now()
	soon := now.Add(4 * time.Second)
	invoice := Invoice(New, "in_1", "cus_Grace", "sub_Grace", "open", Amount, now, now.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_1", Type: "customer.subscription.updated", Created: now, Shape: New, Previous: Object{"status": "active"},
			Object: Subscription(New, "sub_Grace", "cus_Grace", "past_due", now, now.AddDate(0, 1, 0))},
		Event{ID: "evt_2", Type: "invoice.payment_failed", Created: now, Shape: New, Object: FailedAttempt(invoice, 1, now.AddDate(0, 0, 3))},
		Event{ID: "evt_3", Type: "customer.subscription.created", Created: now, Shape: New,
			Object: Trial(New, "sub_Trial", "cus_Trial", now.AddDate(0, 0, -14), soon)},
		Event{ID: "evt_4", Type: "customer.subscription.updated", Created: now, Shape: New,
			Object: Subscription(New, "sub_End", "cus_End", "active", now, now.AddDate(0, 1, 0)).With("cancel_at", soon.Unix())},
		Event{ID: "evt_5", Type: "invoice.paid", Created: now, Shape: Old,
			Object: Invoice(Old, "in_5", "cus_Void", "sub_Void", "paid", Amount, now.AddDate(0, -1, 0), soon)},
		Event{ID: "evt_6", Type: "customer.subscription.updated", Created: now, Shape: Old, Previous: Object{"pause_collection": nil},
			Object: Subscription(Old, "sub_Void", "cus_Void", "active", now.AddDate(0, -1, 0), soon).
				With("pause_collection", Object{"behavior": "void", "resumes_at": nil})},
	)
	o.entitled("cus_Grace", "True GracePeriod")
	o.entitled("cus_Trial", "True Trialing")
	o.entitled("cus_End", "True SubscriptionActive")
	o.entitled("cus_Void", "True SubscriptionActive")

	o.entitled("cus_Grace", "False PaymentFailed")
	o.entitled("cus_Trial", "False AwaitingPayment")
	o.entitled("cus_End", "False SubscriptionEnded")
	o.entitled("cus_Void", "False Paused")
}

// A change of spec.access or spec.gracePeriod takes effect at once, and so does its removal.
func TestSpecAccessOverridesTheDecision(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	o.send(Event{ID: "evt_1", Type: "customer.subscription.updated", Created: now.Add(-time.Hour), Shape: New, Previous: Object{"status": "active"},
		Object: Subscription(New, "sub_A", "cus_A", "past_due", now, now.AddDate(0, 1, 0))})
	for _, step := range []struct{ patch, want string }{
		{`{"spec":{}}`, "True GracePeriod"},
		{`{"spec":{"access":"Denied"}}`, "False OverrideDenied"},
		{`{"spec":{"access":"Granted"}}`, "True OverrideGranted"},
		{`{"spec":{"access":"Auto","gracePeriod":"1m"}}`, "False PaymentFailed"},
		{`{"spec":{"gracePeriod":"2h"}}`, "True GracePeriod"},
	} {
		o.eventually("the customer exists", func() string {
			if o.customer("cus_A").UID == "" {
				return "it does not"
			}
			return ""
		})
		if err := cluster.Client.Patch(t.Context(), o.customer("cus_A"), client.RawPatch("application/merge-patch+json", []byte(step.patch))); err != nil {
			t.Fatal(err)
		}
		o.entitled("cus_A", step.want)
	}
}

// A dispute names no customer. The operator finds the customer by the charge, even if the charge arrives later. Without
// a charge the dispute is only recorded.
func TestDisputesFindTheirCustomer(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) {
		c.Policy.OnDispute, c.LinkTimeout = entitlement.Suspend, 5*time.Second
	})
	now := time.Now()
	o.send(
		Event{ID: "evt_1", Type: "charge.dispute.created", Created: now, Shape: New, Object: Dispute("dp_1", "ch_1", "pi_1", now, now.AddDate(0, 0, 9))},
		Event{ID: "evt_2", Type: "charge.dispute.created", Created: now, Shape: New, Object: Dispute("dp_2", "ch_2", "", now, now.AddDate(0, 0, 9))},
		Event{ID: "evt_3", Type: "customer.subscription.created", Created: now, Shape: New,
			Object: Subscription(New, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0))},
	)
	o.entitled("cus_A", "True SubscriptionActive")
	o.send(Event{ID: "evt_4", Type: "payment_intent.succeeded", Created: now, Shape: New,
		Object: PaymentIntent(New, "pi_1", "cus_A", "ch_other", "succeeded", now)})
	o.entitled("cus_A", "False Disputed")
	o.settled()
	if got := o.event("evt_1").Status; got.Outcome != v1alpha1.OutcomeApplied || got.CustomerID != "cus_A" {
		t.Errorf("the dispute is %q, linked to %q; want Applied, linked to cus_A", got.Outcome, got.CustomerID)
	}
	want := "No event that names the customer of charge ch_2 was found within 5s (--link-timeout)."
	if got := o.event("evt_2").Status; got.Outcome != v1alpha1.OutcomeRecorded || got.Message != want {
		t.Errorf("the dispute without a known charge is %q: %s", got.Outcome, got.Message)
	}
}

// With the policy to suspend on refunds, a full refund of the last payment suspends the customer until the next
// payment.
func TestAFullRefundSuspends(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.Policy.OnRefund = entitlement.Suspend })
	now := time.Now()
	paid := Charge(Old, "ch_1", "cus_A", "pi_1", "succeeded", now)
	o.send(
		Event{ID: "evt_1", Type: "customer.subscription.created", Created: now, Shape: Old,
			Object: Subscription(Old, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0))},
		Event{ID: "evt_2", Type: "charge.succeeded", Created: now, Shape: Old, Object: paid},
		Event{ID: "evt_3", Type: "charge.refunded", Created: now.Add(time.Second), Shape: Old, Object: Refunded(paid, Amount)},
	)
	o.entitled("cus_A", "False AwaitingPayment")
	o.send(Event{ID: "evt_4", Type: "charge.succeeded", Created: now.Add(2 * time.Second), Shape: Old,
		Object: Charge(Old, "ch_2", "cus_A", "pi_2", "succeeded", now.Add(2*time.Second))})
	o.entitled("cus_A", "True SubscriptionActive")
}

// Events that change nothing are recorded. An event that cannot be decoded does not block the customer's other events.
func TestEventsThatAreNotApplied(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	sub := Subscription(New, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_unknown", Type: "product.created", Created: now, Shape: New, Object: Object{"id": "prod_1", "object": "product"}},
		Event{ID: "evt_nobody", Type: "charge.succeeded", Created: now, Shape: New,
			Object: Charge(New, "ch_1", "", "", "succeeded", now).With("customer", nil)},
		Event{ID: "evt_broken", Type: "invoice.paid", Created: now, Shape: New,
			Object: Object{"id": "in_1", "object": "invoice", "customer": "cus_A", "status": 7}},
		Event{ID: "evt_good", Type: "customer.subscription.created", Created: now, Shape: New, Object: sub},
	)
	o.entitled("cus_A", "True SubscriptionActive")
	o.settled()
	o.send(Event{ID: "evt_late", Type: "customer.subscription.updated", Created: now.Add(-time.Hour), Shape: New, Object: sub.With("status", "trialing")})
	o.settled()
	want := map[string]string{
		"evt_unknown": "Recorded: The event is kept for the audit trail only: its type is not handled.",
		"evt_nobody":  "Recorded: The event names no customer.",
		"evt_broken":  "Failed: status: want a string, got a number",
		"evt_good":    "Applied: ",
		"evt_late":    "Superseded: Newer events have replaced everything that this event reports.",
	}
	got := map[string]string{}
	for _, e := range o.events() {
		got[e.Spec.EventID] = fmt.Sprintf("%s: %s", e.Status.Outcome, e.Status.Message)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// The checkout of a new customer plans two e-mails, once. The checkout of a known customer plans none.
func TestASignupPlansTwoEmails(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	signup := Event{ID: "evt_1", Type: "checkout.session.completed", Created: now, Shape: New,
		Object: Checkout("cs_1", "cus_New", "sub_New", "ada@example.com", now.Add(-time.Minute))}
	o.send(signup, signup)
	o.send(
		Event{ID: "evt_2", Type: "customer.subscription.created", Created: now.AddDate(0, -1, 0), Shape: New,
			Object: Subscription(New, "sub_Old", "cus_Known", "active", now.AddDate(0, -1, 0), now)},
		Event{ID: "evt_3", Type: "checkout.session.completed", Created: now, Shape: New,
			Object: Checkout("cs_2", "cus_Known", "sub_Second", "bob@example.com", now.Add(-time.Minute))},
	)
	o.settled()
	o.send(Event{ID: "evt_4", Type: "checkout.session.completed", Created: now.Add(time.Second), Shape: New,
		Object: Checkout("cs_3", "cus_New", "sub_Third", "ada@example.com", now)})
	o.settled()
	name := o.customer("cus_New").Name
	want := map[string]string{name + "-welcome": "False MailgunNotConfigured", name + "-password-reset": "False MailgunNotConfigured"}
	o.eventually("two e-mails wait", func() string {
		got := map[string]string{}
		for _, e := range o.emails() {
			got[e.Name] = condition(e.Status.Conditions, v1alpha1.ConditionSent)
		}
		return cmp.Diff(want, got)
	})
}

// BillingEvents remain when their Customer is deleted. The next event creates the Customer again.
func TestEventsOutliveTheirCustomer(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	e := Event{ID: "evt_1", Type: "customer.created", Created: now, Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")}
	o.send(e)
	o.settled()
	if owners := o.event("evt_1").OwnerReferences; len(owners) != 0 {
		t.Errorf("the event is owned by %v", owners)
	}
	if err := cluster.Client.Delete(t.Context(), o.customer("cus_A")); err != nil {
		t.Fatal(err)
	}
	e.ID, e.Type = "evt_2", "customer.updated"
	o.send(e)
	o.settled()
	if got := len(o.events()); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	if o.customer("cus_A").UID == "" {
		t.Error("the next event did not create the customer again")
	}
}

// If the API server refuses to create the BillingEvent, the receiver answers 503, and Stripe posts the event again.
func TestWhatIsNotDurableIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	o := startIn(t, "no-such-namespace")
	code, err := o.endpoint.Post(t.Context(), Event{ID: "evt_1", Type: "customer.created", Created: time.Now(), Shape: New,
		Object: Customer("cus_A", "ada@example.com", "Ada")})
	if err != nil || code != http.StatusServiceUnavailable {
		t.Errorf("answered %d %v, want 503", code, err)
	}
}

// The payment shows on the subscription's newest invoice also if its report comes in a later batch than the invoice.
func TestThePaymentOfAnInvoiceComesLater(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	var payment Event
	for _, e := range world.Events() {
		if e.Type == "invoice_payment.paid" {
			payment = e
			continue
		}
		o.send(e)
	}
	o.settled()
	id := world.Objects("subscription")[0].ID()
	if got := o.subscription(id).Status.LatestInvoice.PaymentIntentID; got != "" {
		t.Fatalf("the invoice names the payment %s before it is reported", got)
	}
	o.send(payment)
	o.settled()
	if got, want := o.subscription(id).Status.LatestInvoice.PaymentIntentID, world.Objects("payment_intent")[0].ID(); got != want {
		t.Errorf("the invoice names the payment %q, want %q", got, want)
	}
}
