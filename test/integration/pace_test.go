package integration

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// The events of a sign-up come within moments: the statuses are written when they are all there, and the outcomes after that.
func TestABurstCostsFewWrites(t *testing.T) {
	o := start(t, func(c *config.Config) { c.BatchDelay = 2 * time.Second })
	watching, err := cluster.Client.Watch(t.Context(), &v1alpha1.CustomerList{}, client.InNamespace(o.namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Stop()
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	writes := 0
	for entitled := false; !entitled; {
		select {
		case change := <-watching.ResultChan():
			if change.Type == watch.Modified {
				writes++
			}
			c := change.Object.(*v1alpha1.Customer)
			entitled = meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionEntitled)
		case <-time.After(patience):
			t.Fatal("the customer does not become entitled")
		}
	}
	for _, e := range o.events() {
		if e.Status.Outcome != v1alpha1.OutcomePending {
			t.Errorf("%s %s is %s before the statuses had time to come to rest", e.Spec.Type, e.Spec.EventID, e.Status.Outcome)
		}
	}
	o.settled()
	for len(watching.ResultChan()) > 0 {
		<-watching.ResultChan()
		writes++
	}
	if events := len(world.Events()); writes > events/3 {
		t.Errorf("%d events cost %d writes of the customer's status", events, writes)
	}
	for _, e := range o.events() {
		if e.Status.Outcome != v1alpha1.OutcomeApplied && e.Status.Outcome != v1alpha1.OutcomeSuperseded {
			t.Errorf("%s %s is %s", e.Spec.Type, e.Spec.EventID, e.Status.Outcome)
		}
	}
}
