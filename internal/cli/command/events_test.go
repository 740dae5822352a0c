package command

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Without flags, every event is listed. A dismissed one has failed, and needs nobody.
func TestEventFilter(t *testing.T) {
	events := map[string]*v1alpha1.BillingEvent{}
	for name, outcome := range map[string]v1alpha1.Outcome{"pending": "", "failed": "Failed", "dismissed": "Failed", "applied": "Applied"} {
		events[name] = &v1alpha1.BillingEvent{Status: v1alpha1.BillingEventStatus{Outcome: outcome}}
	}
	events["dismissed"].Annotations = map[string]string{v1alpha1.AnnotationDismissed: "grace: Ticket 4711"}
	for filter, want := range map[eventFilter][]string{
		{}:                              {"pending", "failed", "dismissed", "applied"},
		{failed: true}:                  {"failed"},
		{dismissed: true}:               {"dismissed"},
		{failed: true, dismissed: true}: {"failed", "dismissed"},
		{pending: true}:                 {"pending"},
	} {
		selected := map[string]bool{}
		for _, name := range want {
			selected[name] = true
		}
		for name, e := range events {
			if got := filter.selects(e); got != selected[name] {
				t.Errorf("%+v selects the %s event: %t", filter, name, got)
			}
		}
	}
}
