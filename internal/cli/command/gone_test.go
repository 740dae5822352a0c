package command

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/timeline"
)

// The timeline says that older events are elsewhere only if there may be some: the customer began before they left.
func TestGoneHint(t *testing.T) {
	may := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	begun := func(customer time.Time, events ...time.Time) *timeline.Input {
		in := &timeline.Input{Customer: &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(customer)}}}
		for _, at := range events {
			in.Events = append(in.Events, v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{Created: metav1.NewTime(at)}})
		}
		return in
	}
	const archived = "Events before 1 May 2026 at 00:00 UTC may be in the archive: list them too with --archived --archive-url='s3://trail'"
	gone := map[string]string{"goneBefore": "2026-05-01T00:00:00Z", "archive": "s3://trail"}
	p := &plugin{Environment: Environment{Getenv: func(string) string { return "" }}}
	for name, tc := range map[string]struct {
		noted map[string]string
		in    *timeline.Input
		want  string
	}{
		"an older customer":          {gone, begun(may.Add(-time.Hour)), archived},
		"made anew, older events":    {gone, begun(may.Add(time.Hour), may.Add(2*time.Hour), may.Add(-time.Hour)), archived},
		"a later customer":           {gone, begun(may, may), ""},
		"nothing has left":           {map[string]string{"goneBefore": "", "archive": "s3://trail"}, begun(may), ""},
		"deleted without an archive": {map[string]string{"goneBefore": "2026-05-01T00:00:00Z"}, begun(may.Add(-time.Hour)), "Events before 1 May 2026 at 00:00 UTC may be missing: the operator deletes old ones without an archive."},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, p.goneHint(tc.noted, beginningOf(tc.in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
