package unlinked

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// The account of a thin event may be the platform's own, which --accounts does not name. So it is not why a thin event of the
// other mode, or of an unknown type, is left out: another mode or version applies it.
func TestThinEventsOfThePlatformItself(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		eventType string
		livemode  bool
		thin      bool
		want      v1alpha1.RecordedReason
	}{
		"the other mode":             {"v1.customer.updated", true, true, v1alpha1.RecordedOtherMode},
		"the endpoint's ping":        {"v2.core.event_destination.ping", false, true, v1alpha1.RecordedUnhandledType},
		"a snapshot of that account": {"customer.updated", false, false, v1alpha1.RecordedOtherAccount},
	} {
		t.Run(name, func(t *testing.T) {
			e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
				EventID: "evt_1", Type: tc.eventType, Livemode: tc.livemode, Account: "acct_own", ObjectID: "cus_1", ObjectKind: "customer",
			}}
			if tc.thin {
				e.Spec.Thin = &v1alpha1.ThinRecord{}
			}
			e.Namespace, e.Name = "billing", "event"
			r := &Reconciler{
				Client: fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e).WithObjects(e).Build(),
				Clock:  testingclock.NewFakePassiveClock(time.Now()), Scope: routing.Scope{Livemode: new(false), Accounts: []string{"acct_2"}},
			}
			if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(e)}); err != nil {
				t.Fatal(err)
			}
			if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
				t.Fatal(err)
			}
			if e.Status.Outcome != v1alpha1.OutcomeRecorded || e.Status.Reason != tc.want {
				t.Errorf("outcome %q, reason %q, %s; want the reason %q", e.Status.Outcome, e.Status.Reason, e.Status.Message, tc.want)
			}
		})
	}
}
