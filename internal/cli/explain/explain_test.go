package explain

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(hours int) *metav1.Time {
	t := metav1.NewTime(now.Add(time.Duration(hours) * time.Hour))
	return &t
}

// customer is one with the decision, made two hours ago.
func customer(status metav1.ConditionStatus, reason, message string) *v1alpha1.Customer {
	return &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tollkeeper-system", Name: "cus-a-1"},
		Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_A"},
		Status: v1alpha1.CustomerStatus{Email: "ada@kite.example", Name: "Ada", Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionEntitled, Status: status, Reason: reason, Message: message, LastTransitionTime: *at(-2)},
		}},
	}
}

// with gives the customer a subscription.
func with(c *v1alpha1.Customer, s v1alpha1.SubscriptionStatus) Input {
	c.Status.Subscriptions = []v1alpha1.SubscriptionSummary{{Name: "sub-a-1", SubscriptionID: "sub_A", Status: s.Status, Plan: s.Plan}}
	return Input{Customer: c, Now: now, Subscriptions: []v1alpha1.Subscription{{
		ObjectMeta: metav1.ObjectMeta{Name: "sub-a-1"}, Spec: v1alpha1.SubscriptionSpec{SubscriptionID: "sub_A"}, Status: s,
	}}}
}

func state(status string) v1alpha1.SubscriptionStatus {
	return v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{Status: status}, Plan: "pro"}
}

func openInvoiceOf(s v1alpha1.SubscriptionStatus) v1alpha1.SubscriptionStatus {
	s.LatestInvoice = &v1alpha1.Invoice{ID: "in_1", Status: "open", AmountRemaining: 2900, Currency: "usd", NextPaymentAttempt: at(48)}
	return s
}

func TestExplainInWords(t *testing.T) {
	inGrace := with(customer("True", v1alpha1.ReasonGracePeriod, "A payment failed. Access ends unless it is paid by then."), openInvoiceOf(state("past_due")))
	inGrace.Customer.Status.AccessUntil = at(120)

	lockedOut := with(customer("False", v1alpha1.ReasonPaymentFailed, "A payment failed. Access resumes once it is paid."), openInvoiceOf(state("past_due")))

	overridden := with(customer("True", v1alpha1.ReasonOverrideGranted, "Access was granted manually."), state("canceled"))
	overridden.Customer.Spec.Override = &v1alpha1.Override{Access: "Granted", Until: at(72), Author: "grace@kite.example", Reason: "Ticket 4711"}
	overridden.Customer.Status.AccessUntil = at(72)

	stale := with(customer("True", v1alpha1.ReasonSubscriptionActive, "The subscription is active and scheduled to end."), state("active"))
	stale.Customer.Status.AccessUntil, stale.Customer.Generation = at(-1), 2
	stale.Customer.Spec.Account, stale.Customer.Status.Livemode = "acct_1", new(false)
	stale.Subscriptions[0].Status.CancelAt = at(-1)

	undecided := Input{Customer: &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "cus-a-1"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}, Now: now}

	deleted := Input{Customer: customer("False", v1alpha1.ReasonSubscriptionEnded, "The customer was deleted."), Now: now}
	deleted.Customer.Status.DeletedAt = at(-48)

	erased := Input{Customer: customer("False", v1alpha1.ReasonSubscriptionEnded, "The customer was deleted."), Now: now}
	erased.Customer.Status.DeletedAt, erased.Customer.Status.Name, erased.Customer.Status.Email = at(-48), "", ""
	erased.Customer.Status.Erasure = &v1alpha1.Erasure{StartedAt: *at(-4), CompletedAt: at(-3)}
	erased.Customer.Status.Conditions = append(erased.Customer.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionErased, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPersonalDataErased, Message: "The customer's personal data was erased.",
	})

	again := Input{Customer: erased.Customer.DeepCopy(), Now: now}
	again.Customer.Annotations = map[string]string{v1alpha1.AnnotationErase: "dora: now Ticket 4712"}

	takenUp := Input{Customer: again.Customer.DeepCopy(), Now: now}
	takenUp.Customer.Status.Conditions[1].Status, takenUp.Customer.Status.Conditions[1].Message = metav1.ConditionFalse, "It waits for the archive."

	requested := Input{Customer: customer("True", v1alpha1.ReasonPurchased, "Bought."), Now: now}
	requested.Customer.Annotations = map[string]string{v1alpha1.AnnotationErase: "dora: now Ticket 4711"}
	requested.Customer.Status.Conditions = append(requested.Customer.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionErased, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNotDeletedAtStripe, Message: "The customer is not deleted at Stripe.",
	})

	const beforeErasure, afterErasure = `
cus_A is not entitled (SubscriptionEnded).
  The customer was deleted.`, `
Customer     cus-a-1 in the namespace tollkeeper-system
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   the deletion of the customer at Stripe on 26 November 2026 at 12:00 UTC
Next         nothing is scheduled: only a new event, or a person, changes this
To unlock    A customer that was deleted at Stripe does not come back: the person signs up as a new customer
             Or give access for a time, whatever Stripe says:
               kubectl tollkeeper grant cus_A --for 72h --reason "…"
`
	for name, tc := range map[string]struct {
		in   Input
		want string
	}{
		"deleted": {deleted, `
cus_A is not entitled (SubscriptionEnded).
  The customer was deleted.
  It was deleted at Stripe on 26 November 2026 at 12:00 UTC.

Customer     Ada <ada@kite.example>, cus-a-1 in the namespace tollkeeper-system
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   the deletion of the customer at Stripe on 26 November 2026 at 12:00 UTC
Next         nothing is scheduled: only a new event, or a person, changes this
To unlock    A customer that was deleted at Stripe does not come back: the person signs up as a new customer
             Or give access for a time, whatever Stripe says:
               kubectl tollkeeper grant cus_A --for 72h --reason "…"
`},
		"erased": {erased, beforeErasure + `
  It was deleted at Stripe on 26 November 2026 at 12:00 UTC.
  Its personal data was erased on 28 November 2026 at 09:00 UTC: no name and no address is left to
  show.
` + afterErasure},
		"to be erased again": {again, beforeErasure + `
  It was deleted at Stripe on 26 November 2026 at 12:00 UTC.
  Its personal data is being erased.
` + afterErasure},
		"erased again": {takenUp, beforeErasure + `
  It was deleted at Stripe on 26 November 2026 at 12:00 UTC.
  It waits for the archive.
` + afterErasure},
		"to be erased": {requested, `
cus_A is entitled (Purchased).
  Bought.
  The erasure of its personal data is requested, and has not begun. The customer is not deleted at
  Stripe.

Customer     Ada <ada@kite.example>, cus-a-1 in the namespace tollkeeper-system
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   a one-time purchase
Next         nothing is scheduled: only a new event, or a person, changes this
`},
		"grace": {inGrace, `
cus_A is entitled (GracePeriod).
  A payment failed. Access ends unless it is paid by then.

Customer     Ada <ada@kite.example>, cus-a-1 in the namespace tollkeeper-system
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   the subscription sub_A (pro, past_due)
Next         30 November 2026 at 12:00 UTC (in 2d): Stripe tries to collect the open invoice in_1 again
             3 December 2026 at 12:00 UTC (in 5d): access ends, unless something is reported before
`},
		"locked out": {lockedOut, `
cus_A is not entitled (PaymentFailed).
  A payment failed. Access resumes once it is paid.

Customer     Ada <ada@kite.example>, cus-a-1 in the namespace tollkeeper-system
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   the subscription sub_A (pro, past_due)
Next         30 November 2026 at 12:00 UTC (in 2d): Stripe tries to collect the open invoice in_1 again
To unlock    The customer pays what is open: invoice in_1 over 29.00 USD, or Stripe's Dashboard marks it as
             paid. To void it, or to mark it as uncollectible, gives no access
             Or give access for a time, whatever Stripe says:
               kubectl tollkeeper grant cus_A --for 72h --reason "…"
`},
		"overridden": {overridden, `
cus_A is entitled (OverrideGranted).
  Access was granted manually.

Customer     Ada <ada@kite.example>, cus-a-1 in the namespace tollkeeper-system
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   an override that grants access, by grace@kite.example, with the reason “Ticket 4711”. Without it,
             the subscription sub_A (pro, canceled) decides
Next         1 December 2026 at 12:00 UTC (in 3d): the override ends, and the subscription sub_A (pro,
             canceled) decides again; access ends, unless something is reported before
`},
		"an operator that stands still": {stale, `
cus_A is entitled (SubscriptionActive).
  The subscription is active and scheduled to end.

Customer     Ada <ada@kite.example>, cus-a-1 in the namespace tollkeeper-system, of the connected account
             acct_1 (Stripe's test mode)
Since        28 November 2026 at 10:00 UTC (120m ago)
Decided by   the subscription sub_A (pro, active)
Next         nothing is scheduled: only a new event, or a person, changes this
But          The spec was changed, and the operator has not looked at it yet. Is it running?
               kubectl tollkeeper doctor
             Access was to end on 28 November 2026 at 11:00 UTC, and the operator has not ended it. Is it
             running?
               kubectl tollkeeper doctor
`},
		"not decided": {undecided, `
cus_A is not decided yet.

Customer     cus-a-1 in the namespace n
Decided by   nothing yet: the operator has not looked at this customer
Next         nothing is scheduled: only a new event, or a person, changes this
To unlock    Nothing is taken away meanwhile: who has access keeps it. Ask Stripe now (needs a Stripe key):
               kubectl tollkeeper resync cus_A
             Or give access for a time, whatever Stripe says:
               kubectl tollkeeper grant cus_A --for 72h --reason "…"
`},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := Explain(tc.in).Print(show.Printer{Out: &out, Format: show.Table}, now); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRule(t *testing.T) {
	purchased := customer("True", v1alpha1.ReasonPurchased, "Bought.")
	purchased.Status.Purchases = []v1alpha1.Purchase{
		{ID: "pi_old", State: v1alpha1.CheckoutPaid, From: at(-100), Until: at(-50)},
		{ID: "pi_1", State: v1alpha1.CheckoutPaid, From: at(-1), Until: at(50)},
		{ID: "pi_refunded", State: v1alpha1.CheckoutPaid, From: at(-1), RefundedAt: at(-1)},
	}
	deleted := customer("False", v1alpha1.ReasonSubscriptionEnded, "Deleted.")
	deleted.Status.DeletedAt = at(-5)
	granted := customer("True", v1alpha1.ReasonOverrideGranted, "Granted.")
	granted.Spec.Access = v1alpha1.AccessGranted
	ended := with(customer("True", v1alpha1.ReasonOverrideGranted, "Granted."), state("active"))
	ended.Customer.Spec.Override = &v1alpha1.Override{Access: "Denied", Until: at(-1)}
	ended.Customer.Spec.Access = v1alpha1.AccessGranted
	both := with(customer("True", v1alpha1.ReasonOverrideGranted, "Granted."), state("active"))
	both.Customer.Spec.Access = v1alpha1.AccessGranted
	both.Customer.Spec.Override = &v1alpha1.Override{Access: v1alpha1.OverrideGranted, Until: at(1)}
	several := with(customer("True", v1alpha1.ReasonTrialing, "Trial."), state("trialing"))
	several.Customer.Status.Subscriptions = append(several.Customer.Status.Subscriptions, v1alpha1.SubscriptionSummary{Name: "sub-b-1", SubscriptionID: "sub_B"})
	unreadable := with(customer("True", v1alpha1.ReasonTrialing, "Trial."), state("trialing"))
	unreadable.Subscriptions = nil

	for name, tc := range map[string]struct {
		in   Input
		want Rule
	}{
		"purchase": {Input{Customer: purchased, Now: now}, Rule{Name: "purchases", Text: "the one-time purchase pi_1", PurchaseIDs: []string{"pi_1"}}},
		"deletion": {Input{Customer: deleted, Now: now}, Rule{Name: "deletion", Text: "the deletion of the customer at Stripe on 28 November 2026 at 07:00 UTC"}},
		"access": {Input{Customer: granted, Now: now}, Rule{
			Name: "access", Text: "spec.access, by which a person grants access until it is Auto. Without it, the customer has no subscription that decides",
		}},
		"access after an override": {ended, Rule{
			Name: "access", Text: "spec.access, by which a person grants access until it is Auto. Without it, the subscription sub_A (pro, active) decides",
		}},
		"an override before spec.access": {both, Rule{
			Name: "override", Text: "an override that grants access. Without it, spec.access decides, which is Granted",
		}},
		"several": {several, Rule{
			Name: "subscriptions", Text: "the subscription sub_A (pro, trialing), which counts before 1 other", SubscriptionID: "sub_A",
		}},
		"a subscription that cannot be read": {unreadable, Rule{
			Name: "subscriptions", Text: "the subscription sub_A (pro, trialing)", SubscriptionID: "sub_A",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Explain(tc.in).Rule); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNext(t *testing.T) {
	trialing := state("trialing")
	trialing.TrialEnd, trialing.CancelAt = at(24), at(24)
	active := state("active")
	active.CurrentPeriodEnd, active.PauseCollection = at(10), &v1alpha1.PauseCollection{Behavior: "void", ResumesAt: at(5)}
	simulated := active
	simulated.TestClock = "clock_1"
	canceled := state("canceled")
	canceled.CancelAt = at(3)
	for name, tc := range map[string]struct {
		status v1alpha1.SubscriptionStatus
		want   []Change
	}{
		"a trial that ends for good": {trialing, []Change{{*at(24), "the trial ends, and Stripe reports what follows; the subscription ends, as scheduled"}}},
		"a renewal": {active, []Change{
			{*at(5), "Stripe collects invoices again"}, {*at(10), "the period ends, and Stripe renews the subscription"},
		}},
		"a test clock": {simulated, []Change{}},
		"an end":       {canceled, []Change{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Explain(with(customer("True", v1alpha1.ReasonSubscriptionActive, "Active."), tc.status)).Next); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Every reason for which access is off says what brings it back, apart from an override.
func TestEveryReasonSaysWhatUnlocks(t *testing.T) {
	source, err := os.ReadFile("../../../api/v1alpha1/conditions.go")
	if err != nil {
		t.Fatal(err)
	}
	group := regexp.MustCompile(`(?s)// Reasons of Entitled=False\.\nconst \((.*?)\n\)`).FindStringSubmatch(string(source))
	if group == nil {
		t.Fatal("conditions.go has no reasons of Entitled=False")
	}
	reasons := regexp.MustCompile(`= "(\w+)"`).FindAllStringSubmatch(group[1], -1)
	if len(reasons) < 5 {
		t.Fatalf("only %d reasons", len(reasons))
	}
	for _, reason := range reasons {
		advice := Explain(Input{Customer: customer("False", reason[1], "No."), Now: now}).Unlock
		if len(advice) == 0 || strings.HasPrefix(advice[0].Text, "Or ") {
			t.Errorf("%s does not say what unlocks: %+v", reason[1], advice)
		}
	}
	if advice := Explain(Input{Customer: customer("True", v1alpha1.ReasonTrialing, "Yes."), Now: now}).Unlock; len(advice) > 0 {
		t.Errorf("an entitled customer is to be unlocked: %+v", advice)
	}
}

// What a customer typed at Stripe must not reach the terminal as a command.
func TestExplainObeysNoName(t *testing.T) {
	c := customer("False", v1alpha1.ReasonNoSubscription, "No.")
	c.Status.Name, c.Status.Email = "Ada\x1b[2J", "a\u202e@kite.example"
	var out strings.Builder
	if err := Explain(Input{Customer: c, Now: now}).Print(show.Printer{Out: &out}, now); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("%q", out.String())
	}
}
