package customer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/pace"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// While further events are expected, a look writes only what decides access, also if another event cannot be folded and hides it.
func TestALookWritesWhatDecidesAccess(t *testing.T) {
	for name, tc := range map[string]struct {
		pending []v1alpha1.BillingEvent
		want    string
	}{
		"nothing decides access":      {[]v1alpha1.BillingEvent{applied("evt_1", "customer.updated", "", "")}, "False NoSubscription"},
		"a subscription gives access": {[]v1alpha1.BillingEvent{applied("evt_1", "customer.subscription.created", "sub_A", "active")}, "True SubscriptionActive"},
		"an event at fault is alone":  {[]v1alpha1.BillingEvent{applied("evt_invalid", "customer.updated", "", "")}, "False NoSubscription"},
		"an event at fault hides the subscription": {[]v1alpha1.BillingEvent{
			applied("evt_1", "customer.subscription.created", "sub_A", "active"), applied("evt_invalid_hides", "customer.updated", "", ""),
		}, "True SubscriptionActive"},
	} {
		t.Run(name, func(t *testing.T) {
			stored := knownCustomer()
			stored.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNoSubscription}}
			stored.Generation, stored.Status.ObservedGeneration = 1, 1
			objects := []client.Object{stored}
			for i := range tc.pending {
				e := &tc.pending[i]
				e.Namespace, e.Name, e.Status.Outcome = "ns", naming.Object("", e.Spec.EventID), v1alpha1.OutcomePending
				objects = append(objects, e)
			}
			c := newCluster(t, nil, objects...)
			clock := testingclock.NewFakePassiveClock(noon)
			c.Clock, c.Pace = clock, &pace.Pace{Delay: time.Second, Clock: clock}
			c.Change = func(e *projection.Event) projection.Change {
				change := events.Change(e)
				if strings.HasPrefix(e.EventID, "evt_invalid") {
					change.Effects = append(change.Effects, func(a *projection.Aggregate, _ *projection.Event) bool {
						a.Customer.Name, a.Subscriptions = strings.Repeat("x", 10_000), map[string]*v1alpha1.SubscriptionStatus{}
						return true
					})
				}
				return change
			}
			c.Pace.Arrived(c.key, true)
			clock.SetTime(noon.Add(time.Second / 2)) // it is looked at; without a decision, statuses are written half a second later
			c.reconcile()
			if diff := cmp.Diff(tc.want, c.shows()[0]); diff != "" {
				t.Errorf("after the look (-want +got):\n%s", diff)
			}
			isWritten := c.Pace.WriteAt(c.key).IsZero()
			if want := strings.HasPrefix(tc.want, "True"); isWritten != want {
				t.Errorf("the events count as shown: %t, want %t", isWritten, want)
			}
		})
	}
}
