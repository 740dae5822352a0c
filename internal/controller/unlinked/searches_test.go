package unlinked

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// All events are searched for the customer of a payment some times, and not each time that the event is looked at. The last search is
// that after which the event is given up.
func TestWhenEventsAreSearched(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	begin := time.Unix(1_800_000_000, 0)
	clock := testingclock.NewFakePassiveClock(begin)
	e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
		EventID: "evt_1", Type: "charge.dispute.created", ObjectID: "dp_1", ObjectKind: "dispute", ChargeID: "ch_1", Dispute: &v1alpha1.DisputeRecord{},
	}}
	e.Namespace, e.Name, e.CreationTimestamp = "billing", "event", metav1.NewTime(begin)
	var searched []string
	reader := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).Build(), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			searched = append(searched, clock.Since(begin).String())
			return nil
		},
	})
	none := func(client.Object) []string { return nil }
	r := &Reconciler{
		Client: fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e).WithObjects(e).
			WithIndex(&v1alpha1.BillingEvent{}, routing.ByPayment, none).WithIndex(&v1alpha1.Customer{}, routing.ByPayment, none).Build(),
		Reader: reader, Clock: clock, LinkTimeout: time.Hour,
	}
	looks := 0
	for {
		result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(e)})
		if err != nil {
			t.Fatal(err)
		}
		if looks++; result.RequeueAfter == 0 {
			break
		}
		clock.SetTime(clock.Now().Add(result.RequeueAfter))
	}
	if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1s", "16s", "3m4s", "31m4s", "1h0m0s"}, searched); diff != "" || looks < 60 {
		t.Errorf("looked at %d times, searched for at (-want +got):\n%s", looks, diff)
	}
	if e.Status.Reason != v1alpha1.RecordedCustomerNotFound {
		t.Errorf("the event ends as %s %s", e.Status.Outcome, e.Status.Reason)
	}
	if n := len(keys(&r.searches)); n != 0 {
		t.Errorf("%d events are remembered", n)
	}
}

func keys(s *searches) (all []any) {
	s.ages.Range(func(key, _ any) bool {
		all = append(all, key)
		return true
	})
	return all
}
