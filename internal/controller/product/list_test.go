package product

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

func (b builderIndexer) IndexField(_ context.Context, o client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(o, field, extract)
	return nil
}

// An event stays pending for a while after the statuses show it. It holds up the outcome of an event about the product only
// while the subscription that it reports may add a customer.
func TestAPendingEventOfAListedSubscription(t *testing.T) {
	state := v1alpha1.SubscriptionState{Items: []v1alpha1.SubscriptionItem{{Product: "prod_1"}}}
	subscription := &v1alpha1.Subscription{
		Spec:   v1alpha1.SubscriptionSpec{SubscriptionID: "sub_1", CustomerRef: v1alpha1.ObjectReference{Name: "cus-1"}},
		Status: v1alpha1.SubscriptionStatus{SubscriptionState: state},
	}
	subscription.Namespace, subscription.Name = "billing", "sub-1"
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for reported, isComplete := range map[string]bool{"sub_1": true, "sub_2": false} {
		e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
			EventID: "evt_1", Type: "customer.subscription.updated", CustomerID: "cus_1", SubscriptionID: reported,
			Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: state},
		}}
		e.Namespace, e.Name = "billing", "event"
		builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(e, subscription)
		if err := routing.AddIndexes(t.Context(), builderIndexer{builder}, routing.Scope{}); err != nil {
			t.Fatal(err)
		}
		r := &Reconciler{Client: builder.Build(), Clock: testingclock.NewFakePassiveClock(time.Now())}
		ofProduct := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{ObjectID: "prod_1"}}
		ofProduct.Namespace = "billing"
		h, err := r.list(t.Context(), ofProduct)
		if err != nil {
			t.Fatal(err)
		}
		if h.isComplete != isComplete || h.total != 1 {
			t.Errorf("with a pending event of %s: the list of %d customers is complete: %t, want 1 and %t", reported, h.total, h.isComplete, isComplete)
		}
	}
}
