package timeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

func at(seconds int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 11, 28, 12, 0, seconds, 0, time.UTC))
}

func event(id, kind string, seconds int, outcome v1alpha1.Outcome, message string) v1alpha1.BillingEvent {
	return v1alpha1.BillingEvent{
		Spec:   v1alpha1.BillingEventSpec{EventID: id, Type: kind, Created: at(seconds)},
		Status: v1alpha1.BillingEventStatus{Outcome: outcome, Message: message},
	}
}

func input() Input {
	created := event("evt_1", "customer.subscription.created", 1, v1alpha1.OutcomeApplied, "")
	created.Spec.Subscription = &v1alpha1.SubscriptionRecord{SubscriptionState: v1alpha1.SubscriptionState{
		Status: "incomplete", Items: []v1alpha1.SubscriptionItem{{LookupKey: "pro"}},
	}}
	updated := event("evt_2", "customer.subscription.updated", 2, v1alpha1.OutcomeApplied, "")
	updated.Spec.Subscription = &v1alpha1.SubscriptionRecord{SubscriptionState: v1alpha1.SubscriptionState{Status: "active"}, PreviousStatus: "incomplete"}
	late := event("evt_0", "invoice.updated", 1, v1alpha1.OutcomeSuperseded, "Superseded.")
	late.Spec.Invoice = &v1alpha1.InvoiceRecord{Invoice: v1alpha1.Invoice{Status: "open", AmountDue: 2900, Currency: "usd", AttemptCount: 1}}
	failed := event("evt_3", "charge.failed", 3, v1alpha1.OutcomeFailed, "The charge has no amount.")
	pending := event("evt_4", "charge.succeeded", 4, v1alpha1.OutcomePending, "")
	pending.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionProcessed, Status: "False", Message: "The API server is away."}}

	c := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Name: "cus-a-1", CreationTimestamp: at(0), ManagedFields: []metav1.ManagedFieldsEntry{
			{Time: new(at(1)), FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:customerID":{}}}`)},
			{Time: new(at(6)), FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:override":{}}}`)},
		}},
		Spec: v1alpha1.CustomerSpec{Override: &v1alpha1.Override{Access: "Granted", Until: new(at(50)), Author: "Grace", Reason: "Ticket 4711"}},
	}
	return Input{
		Customer: c,
		Events:   []v1alpha1.BillingEvent{pending, failed, updated, created, late},
		Subscriptions: []v1alpha1.Subscription{{
			Spec:   v1alpha1.SubscriptionSpec{SubscriptionID: "sub_A"},
			Status: v1alpha1.SubscriptionStatus{Positions: map[string]v1alpha1.Position{"state": {EventID: "evt_2"}}},
		}},
		Emails: []v1alpha1.Email{
			{ObjectMeta: metav1.ObjectMeta{Name: "cus-a-1-welcome"}, Spec: v1alpha1.EmailSpec{Purpose: "Welcome"}, Status: v1alpha1.EmailStatus{
				SentAt: new(at(7)), Conditions: []metav1.Condition{{Type: v1alpha1.ConditionSent, Status: "True", Reason: v1alpha1.ReasonAccepted}},
			}},
			{ObjectMeta: metav1.ObjectMeta{Name: "cus-a-1-password-reset", CreationTimestamp: at(5)}, Spec: v1alpha1.EmailSpec{Purpose: "PasswordReset"},
				Status: v1alpha1.EmailStatus{Conditions: []metav1.Condition{
					{Type: v1alpha1.ConditionSent, Status: "False", Reason: v1alpha1.ReasonRejected, Message: "Mailgun rejected it."},
				}}},
		},
		Decisions: []eventsv1.Event{{
			EventTime: metav1.NewMicroTime(at(2).Add(time.Microsecond)), Reason: "SubscriptionActive", Note: "Entitled is True: The subscription is active.",
		}},
	}
}

func TestTheTimelineIsInStripesOrder(t *testing.T) {
	const want = `
TIME (UTC)            WHAT                            OUTCOME      ID                       SHOWN IN      CHANGE
2026-11-28 12:00:01   invoice.updated                 Superseded   evt_0                                  open, 29.00 USD, 1 attempt (newer events had reported everything in it)
2026-11-28 12:00:01   customer.subscription.created   Applied      evt_1                                  incomplete, pro
2026-11-28 12:00:02   customer.subscription.updated   Applied      evt_2                    sub_A state   incomplete → active
2026-11-28 12:00:02   decision SubscriptionActive                                                         Entitled is True: The subscription is active.
2026-11-28 12:00:03   charge.failed                   Failed       evt_3                                  (The charge has no amount)
2026-11-28 12:00:04   charge.succeeded                Pending      evt_4                                  (The API server is away)
2026-11-28 12:00:05   e-mail PasswordReset            Rejected     cus-a-1-password-reset                 not sent (Mailgun rejected it)
2026-11-28 12:00:06   override Granted                             cus-a-1                                until 28 November 2026 at 12:00 UTC, by Grace (Ticket 4711)
2026-11-28 12:00:07   e-mail Welcome                  Accepted     cus-a-1-welcome                        sent
`
	var out strings.Builder
	if err := Print(show.Printer{Out: &out, Format: show.Wide}, Of(input())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An event that is dated tomorrow stands where the operator has it: at the time at which it was stored.
func TestAnEventOfTheFutureStandsWhereItWasStored(t *testing.T) {
	forged := event("evt_9", "customer.updated", 0, v1alpha1.OutcomeApplied, "")
	forged.Spec.Created, forged.CreationTimestamp = metav1.NewTime(at(0).Add(24*time.Hour)), at(3)
	entries := Of(Input{Customer: &v1alpha1.Customer{}, Events: []v1alpha1.BillingEvent{forged}})
	if got, want := entries[0].At, at(3); !got.Equal(&want) {
		t.Errorf("it stands at %s", got)
	}
}

func TestDescribe(t *testing.T) {
	method := &v1alpha1.PaymentMethod{Brand: "visa", Last4: "4242", Expiring: true, ExpMonth: 1, ExpYear: 2027}
	for want, e := range map[string]v1alpha1.BillingEventSpec{
		"":                     {},
		"could not be read: x": {DecodeError: "x"},
		"trialing → active, price_1, ends on 28 November 2026 at 12:00 UTC, collection paused (void)": {Subscription: &v1alpha1.SubscriptionRecord{
			SubscriptionState: v1alpha1.SubscriptionState{
				Status: "active", Items: []v1alpha1.SubscriptionItem{{Price: "price_1"}}, CancelAtPeriodEnd: true, CurrentPeriodEnd: new(at(0)),
				PauseCollection: &v1alpha1.PauseCollection{Behavior: "void"},
			}, PreviousStatus: "trialing",
		}},
		"canceled": {Subscription: &v1alpha1.SubscriptionRecord{
			SubscriptionState: v1alpha1.SubscriptionState{Status: "canceled", CancelAt: new(at(0)), EndedAt: new(at(0))},
		}},
		"paid, 5.00 EUR": {Invoice: &v1alpha1.InvoiceRecord{Invoice: v1alpha1.Invoice{Status: "paid", AmountDue: 900, AmountPaid: 500, Currency: "eur", AttemptCount: 2}}},
		"open, 9.00 EUR, 2 attempts, next on 28 November 2026 at 12:00 UTC": {Invoice: &v1alpha1.InvoiceRecord{Invoice: v1alpha1.Invoice{
			Status: "open", AmountDue: 900, Currency: "eur", AttemptCount: 2, NextPaymentAttempt: new(at(0)),
		}}},
		"failed, 5.00 EUR, visa ending in 4242, expires 01/2027, card_declined, insufficient_funds": {Payment: &v1alpha1.PaymentRecord{
			Status: "failed", Amount: 500, Currency: "eur", PaymentMethod: method,
			Failure: &v1alpha1.PaymentFailure{Code: "card_declined", DeclineCode: "insufficient_funds", Message: "Not shown"},
		}},
		"5.00 EUR refunded, which is all": {Refund: &v1alpha1.RefundRecord{RefundTotal: v1alpha1.RefundTotal{Amount: 500, AmountRefunded: 500, Currency: "eur", Full: true}}},
		"2.00 EUR of 5.00 EUR refunded":   {Refund: &v1alpha1.RefundRecord{RefundTotal: v1alpha1.RefundTotal{Amount: 500, AmountRefunded: 200, Currency: "eur"}}},
		"2.00 EUR not refunded: re_1 failed": {Refund: &v1alpha1.RefundRecord{
			RefundTotal: v1alpha1.RefundTotal{AmountRefunded: 200, Currency: "eur"}, FailedRefundID: "re_1",
		}},
		"5.00 EUR disputed: fraudulent, needs_response": {Dispute: &v1alpha1.DisputeRecord{Amount: 500, Currency: "eur", Reason: "fraudulent", Status: "needs_response"}},
		"subscription, paid, 29.00 USD": {Checkout: &v1alpha1.CheckoutRecord{
			Mode: "subscription", PaymentStatus: "paid", AmountTotal: 2900, Currency: "usd", Email: "not@shown.example",
		}},
		"deleted":                                {Customer: &v1alpha1.CustomerRecord{Deleted: true}},
		"delinquent":                             {Customer: &v1alpha1.CustomerRecord{Delinquent: true, Email: "not@shown.example", Name: "Not shown"}},
		"visa ending in 4242, expires 01/2027":   {PaymentMethod: &v1alpha1.PaymentMethodRecord{PaymentMethod: *method}},
		"requires_payment_method, card_declined": {Setup: &v1alpha1.SetupRecord{Status: "requires_payment_method", Failure: &v1alpha1.PaymentFailure{Code: "card_declined"}}},
	} {
		if diff := cmp.Diff(want, Describe(&e)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
