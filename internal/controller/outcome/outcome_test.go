package outcome

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A dismissal is about the failure that a person saw. Whatever fails after it needs a person again.
func TestAFailureEndsTheDismissalBefore(t *testing.T) {
	const dismissal = "grace: Ticket 4711"
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		do    func(Writer, *v1alpha1.BillingEvent) error
		ended string
	}{
		"it fails": {func(w Writer, e *v1alpha1.BillingEvent) error {
			return w.End(t.Context(), e, v1alpha1.OutcomeFailed, "It failed.")
		}, dismissal},
		"it is applied": {func(w Writer, e *v1alpha1.BillingEvent) error {
			return w.End(t.Context(), e, v1alpha1.OutcomeApplied, "")
		}, ""},
		"a retry is refused": {func(w Writer, e *v1alpha1.BillingEvent) error {
			return w.RefuseRetry(t.Context(), e, "now", "It cannot be retried.")
		}, dismissal},
		"it is retried": {func(w Writer, e *v1alpha1.BillingEvent) error { return w.Reopen(t.Context(), e, nil, "now") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := &v1alpha1.BillingEvent{Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeFailed}}
			e.Namespace, e.Name, e.Annotations = "billing", "event", map[string]string{v1alpha1.AnnotationDismissed: dismissal}
			c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e).WithObjects(e).Build()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
				t.Fatal(err)
			}
			if !e.IsDismissed() {
				t.Fatal("the event is not dismissed to begin with")
			}
			if err := tc.do(Writer{Client: c, Clock: testingclock.NewFakePassiveClock(time.Unix(0, 0))}, e); err != nil {
				t.Fatal(err)
			}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.ended, e.Status.EndedDismissal); diff != "" || e.IsDismissed() {
				t.Errorf("dismissed: %t (-want +got):\n%s", e.IsDismissed(), diff)
			}
		})
	}
}
