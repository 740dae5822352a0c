package customer

import (
	"testing"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// What the import has listed of a customer whose objects a webhook denies is dropped: the import waits for it.
func TestAReadingOfARefusedCustomerIsDropped(t *testing.T) {
	for _, refused := range []string{"Customer", "Subscription"} {
		t.Run(refused, func(t *testing.T) {
			c := newCluster(t, nil)
			c.refused = refused
			state := applied(projection.EventRead, "customer.subscription.read", "sub_A", "active").Spec
			c.Readings.PutIfEmpty(t.Context(), c.key, &readings.Batch{CustomerID: "cus_A", At: noon, Objects: []*projection.Event{&state}})
			_, err := c.Reconcile(t.Context(), ctrl.Request{NamespacedName: c.key})
			if !apirejection.Is(err) {
				t.Errorf("error %v, want a rejection", err)
			}
			if c.Readings.Peek(c.key) != nil {
				t.Error("the reading waits")
			}
		})
	}
}
