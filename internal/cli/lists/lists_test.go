package lists

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(seconds int) metav1.Time {
	return metav1.NewTime(now.Add(time.Duration(seconds) * time.Second))
}

func customer(entitled metav1.ConditionStatus, reason string) v1alpha1.Customer {
	return v1alpha1.Customer{Status: v1alpha1.CustomerStatus{Conditions: []metav1.Condition{
		{Type: v1alpha1.ConditionEntitled, Status: entitled, Reason: reason},
		{Type: v1alpha1.ConditionInSync, Status: "Unknown", Reason: v1alpha1.ReasonStateNotKnown},
		{Type: v1alpha1.ConditionReady, Status: "True", Reason: v1alpha1.ReasonUpToDate},
	}}}
}

func event(id string, created int, outcome v1alpha1.Outcome, message string) v1alpha1.BillingEvent {
	return v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Name: strings.ReplaceAll(id, "_", "-")},
		Spec:       v1alpha1.BillingEventSpec{EventID: id, Type: "charge.failed", Created: at(created), CustomerID: "cus_A"},
		Status:     v1alpha1.BillingEventStatus{Outcome: outcome, Message: message, Attempts: 5},
	}
}

func TestTop(t *testing.T) {
	top := &Top{Namespace: "tollkeeper-system"}
	top.CountCustomers([]v1alpha1.Customer{customer("False", "PaymentFailed"), customer("True", "SubscriptionActive"), {}})
	top.CountCustomers([]v1alpha1.Customer{customer("True", "SubscriptionActive")}) // the next page
	top.CountPending([]v1alpha1.BillingEvent{event("evt_1", -10, "", ""), event("evt_2", -300, "", "")})
	dismissed := event("evt_8", -10, v1alpha1.OutcomeFailed, "")
	dismissed.Annotations = map[string]string{v1alpha1.AnnotationDismissed: "grace: Ticket 4711"}
	top.CountFailed([]v1alpha1.BillingEvent{event("evt_6", -10, v1alpha1.OutcomeFailed, ""), event("evt_7", -10, v1alpha1.OutcomeFailed, ""), dismissed})
	top.CountEmails([]v1alpha1.Email{{}, {Status: v1alpha1.EmailStatus{Conditions: []metav1.Condition{{Type: "Sent", Status: "True", Reason: "Accepted"}}}}})
	slow, quick := event("evt_3", -100, v1alpha1.OutcomeApplied, ""), event("evt_4", -10, v1alpha1.OutcomeApplied, "")
	slow.Status.ProcessedAt, quick.Status.ProcessedAt = new(at(-10)), new(at(-9))
	top.Lag = MeasureLag([]v1alpha1.BillingEvent{slow, event("evt_5", -5, "", ""), quick})

	const want = `
tollkeeper-system, 2026-11-28 12:00:00 UTC: 4 customers, 2 entitled, 1 not, 0 not known, 1 not decided

ENTITLED     REASON               CUSTOMERS
True         SubscriptionActive   2
False        PaymentFailed        1
NotDecided                        1

Pending events     2, the oldest of 5m ago
Failed events      2; see kubectl tollkeeper events --failed (1 dismissed)
Created to shown   median 1s, longest 90s (evt_3), of the newest 2 events
E-mails            1 Accepted, 1 Planned
`
	var out strings.Builder
	if err := top.Print(show.Printer{Out: &out, Format: show.Table}, now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"StateNotKnown": 3}, top.NotInSync); diff != "" {
		t.Errorf("NotInSync (-want +got):\n%s", diff)
	}
	if len(top.NotReady) != 0 {
		t.Errorf("NotReady is %v", top.NotReady)
	}
}

func TestNewestEvents(t *testing.T) {
	var customers []v1alpha1.Customer
	for id, created := range map[string]int{"evt_1": 1, "evt_2": 2, "evt_3": 3} {
		customers = append(customers, v1alpha1.Customer{
			Spec:   v1alpha1.CustomerSpec{Account: "acct_1"},
			Status: v1alpha1.CustomerStatus{LastEvent: &v1alpha1.EventReference{ID: id, Created: at(created)}},
		})
	}
	want := []EventKey{{"acct_1", "evt_3", at(3)}, {"acct_1", "evt_2", at(2)}}
	if diff := cmp.Diff(want, NewestEvents(append(customers, v1alpha1.Customer{}), 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A Failed event says why in the table, as the alert's text promises.
func TestPrintEvents(t *testing.T) {
	waiting := event("evt_1", -60, "", "")
	waiting.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionProcessed, Status: "False", Message: "The API server is away."}}
	dismissed := event("evt_3", -4, v1alpha1.OutcomeFailed, "The charge has no amount.")
	dismissed.Annotations = map[string]string{v1alpha1.AnnotationDismissed: "grace: Ticket 4711"}
	events := []v1alpha1.BillingEvent{dismissed, event("evt_2", -5, v1alpha1.OutcomeFailed, "The charge has no amount."), waiting}
	SortEvents(events)
	for format, want := range map[show.Format]string{
		show.Table: `
EVENT   TYPE            CUSTOMER   AGE   OUTCOME     MESSAGE
evt_1   charge.failed   cus_A      60s   Pending     The API server is away.
evt_2   charge.failed   cus_A      5s    Failed      The charge has no amount.
evt_3   charge.failed   cus_A      4s    Dismissed   By grace: Ticket 4711. It had failed: The charge has no amount.
`,
		show.Wide: `
EVENT   TYPE            CUSTOMER   AGE   OUTCOME     ATTEMPTS   ACCOUNT   NAME    MESSAGE
evt_1   charge.failed   cus_A      60s   Pending     5                    evt-1   The API server is away.
evt_2   charge.failed   cus_A      5s    Failed      5                    evt-2   The charge has no amount.
evt_3   charge.failed   cus_A      4s    Dismissed   5                    evt-3   By grace: Ticket 4711. It had failed: The charge has no amount.
`,
	} {
		var out strings.Builder
		if err := PrintEvents(show.Printer{Out: &out, Format: format}, events, now); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}
