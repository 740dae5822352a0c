package v1alpha1

import (
	"strings"
	"testing"
)

// A dismissal is about one failure: it counts while the event is Failed, until it has ended.
func TestIsDismissed(t *testing.T) {
	const dismissal = "grace: 2026-11-29T01:20:00Z Ticket 4711"
	long := strings.Repeat("é", maxDismissal)
	for name, tc := range map[string]struct {
		outcome          Outcome
		annotated, ended string
		want             bool
	}{
		"failed":                      {OutcomeFailed, "", "", false},
		"dismissed":                   {OutcomeFailed, dismissal, "", true},
		"failed again":                {OutcomeFailed, dismissal, dismissal, false},
		"dismissed again":             {OutcomeFailed, dismissal + "1", dismissal, true},
		"retried":                     {OutcomePending, dismissal, "", false},
		"applied":                     {OutcomeApplied, dismissal, "", false},
		"recorded":                    {OutcomeRecorded, dismissal, "", false},
		"a long one that has ended":   {OutcomeFailed, long + "2", long, false},
		"a long one that has not yet": {OutcomeFailed, long + "2", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			e := &BillingEvent{Status: BillingEventStatus{Outcome: tc.outcome, EndedDismissal: tc.ended}}
			e.Annotations = map[string]string{AnnotationDismissed: tc.annotated}
			if got := e.IsDismissed(); got != tc.want {
				t.Errorf("IsDismissed is %t", got)
			}
			if n := len([]rune(e.Dismissal())); n > maxDismissal {
				t.Errorf("the dismissal has %d characters", n)
			}
		})
	}
}
