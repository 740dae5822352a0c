package customer

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// A failed event makes the customer unready, and a dismissed one does not. The message does not hide it.
func TestReadyWithDismissedEvents(t *testing.T) {
	for name, tc := range map[string]struct {
		events  unused
		want    string
		message string
		stalled bool
	}{
		"none":                    {unused{}, "True UpToDate", upToDate, false},
		"a dismissed one":         {unused{dismissed: 1}, "True UpToDate", "The status shows every recorded event, apart from 1 event that failed and that a person has dismissed.", false},
		"a waiting one beside it": {unused{waiting: 1, dismissed: 1}, "False EventsWaiting", "", false},
		"a failed one beside it": {unused{failed: 2, dismissed: 1}, "False EventsFailed", "The status lacks 2 events that failed. Read the messages of the events, " +
			"and annotate them with billing.tollkeeper.dev/retry once the cause is gone.", true},
	} {
		t.Run(name, func(t *testing.T) {
			conditions := []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonEventsFailed}}
			setReady(condition.Setter{Conditions: &conditions}, entitlement.Decision{}, tc.events)
			var ready, stalled *metav1.Condition
			for i := range conditions {
				switch conditions[i].Type {
				case v1alpha1.ConditionReady:
					ready = &conditions[i]
				case v1alpha1.ConditionStalled:
					stalled = &conditions[i]
				}
			}
			if got := string(ready.Status) + " " + ready.Reason; got != tc.want || tc.message != "" && ready.Message != tc.message {
				t.Errorf("Ready is %s: %s", got, ready.Message)
			}
			if (stalled != nil) != tc.stalled {
				t.Errorf("Stalled is %v", stalled)
			}
		})
	}
}

// Losing access is a warning, and so is a grace period, which ends with that.
func TestSeverityOfADecision(t *testing.T) {
	entitled := func(status metav1.ConditionStatus, reason string) *metav1.Condition {
		return &metav1.Condition{Status: status, Reason: reason}
	}
	active := entitled("True", v1alpha1.ReasonSubscriptionActive)
	ended := entitled("False", v1alpha1.ReasonSubscriptionEnded)
	for name, tc := range map[string]struct {
		before, now *metav1.Condition
		want        string
	}{
		"loses access":     {active, ended, corev1.EventTypeWarning},
		"is not known":     {active, entitled("Unknown", v1alpha1.ReasonStateNotKnown), corev1.EventTypeNormal},
		"enters grace":     {active, entitled("True", v1alpha1.ReasonGracePeriod), corev1.EventTypeWarning},
		"leaves grace":     {entitled("True", v1alpha1.ReasonGracePeriod), active, corev1.EventTypeNormal},
		"never had access": {nil, ended, corev1.EventTypeNormal},
		"another reason":   {entitled("False", v1alpha1.ReasonPaymentFailed), ended, corev1.EventTypeNormal},
	} {
		if got := severityOf(tc.before, tc.now); got != tc.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
