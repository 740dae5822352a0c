package customer

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// What Stripe has of a subscription whose object is another customer's, or another subscription's, is left out: it must not
// hold up the customer, its other subscriptions and its events.
func TestAReadingOfAMisassignedSubscription(t *testing.T) {
	customer := newCustomer(client.ObjectKey{Namespace: "ns", Name: naming.Object("", "cus_A")}, "cus_A", "")
	customer.UID = "uid-A"
	own := naming.OwnedBy(customer)
	former := own
	former.UID = "uid-of-a-deleted-customer"
	for name, tc := range map[string]struct {
		change func(*v1alpha1.Subscription) // of the object of sub_B; nil if there is none
		kept   bool
	}{
		"without an object":         {nil, true},
		"own":                       {func(s *v1alpha1.Subscription) { s.OwnerReferences = []metav1.OwnerReference{own} }, true},
		"of a deleted customer":     {func(s *v1alpha1.Subscription) { s.OwnerReferences = []metav1.OwnerReference{former} }, true},
		"of another customer":       {func(s *v1alpha1.Subscription) { s.Spec.CustomerRef.Name = "cus-x" }, false},
		"of an id of the same name": {func(s *v1alpha1.Subscription) { s.Spec.SubscriptionID = "sub_b" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{customer}
			if tc.change != nil {
				s := newSubscription(customer, "sub_B")
				tc.change(s)
				objects = append(objects, s)
			}
			r := inMemory(t)
			r.Client = fakeClient(t, objects...)
			r.Failed, r.Reader = noEvents{}, noEvents{}
			batch := &readings.Batch{Whole: true}
			for _, id := range []string{"sub_A", "sub_B"} {
				batch.Objects = append(batch.Objects, &projection.Event{
					EventID: projection.EventRead, ObjectID: id, SubscriptionID: id, Subscription: &v1alpha1.SubscriptionRecord{},
				})
			}
			c, err := r.load(t.Context(), client.ObjectKeyFromObject(customer), batch)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{"sub_A": true}
			if tc.kept {
				want["sub_B"] = true
			}
			if diff := cmp.Diff(want, readIDs(c.batch)); diff != "" || c.batch.Whole != tc.kept {
				t.Errorf("whole: %t, objects (-want +got):\n%s", c.batch.Whole, diff)
			}
			if len(batch.Objects) != 2 || !batch.Whole {
				t.Error("the batch in the mailbox has changed")
			}
		})
	}
}

// noEvents is a cache, and a reader, without events.
type noEvents struct{ cache.Cache }

func (noEvents) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// fakeClient lists by the name of the customer, as the caches do.
func fakeClient(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	byCustomer := func(o client.Object) []string { return []string{routing.Scope{}.CustomerOf(o)} }
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.Customer{}, &v1alpha1.Subscription{}).
		WithIndex(&v1alpha1.BillingEvent{}, routing.ByCustomer, byCustomer).
		WithIndex(&v1alpha1.Subscription{}, routing.ByCustomer, byCustomer).Build()
}
