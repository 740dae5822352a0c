package resync

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// The import puts a dispute in while Stripe is read: it stays, for the import lists it once. What was read is read again after that.
func TestAResyncReplacesNothingInTheMailbox(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	customer, subscriptions := known()
	subscription := subscriptions["sub_A"]
	customer.Namespace, subscription.Namespace, subscription.Name = "ns", "ns", "sub-a"
	subscription.Status.Positions = inDoubt("evt_1")
	key := types.NamespacedName{Namespace: "ns", Name: customer.Name}
	mailbox, listed := readings.NewMailbox(), &readings.Batch{CustomerID: "cus_A"}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if listed != nil {
			mailbox.PutIfEmpty(r.Context(), key, listed)
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error": {"type": "invalid_request_error", "code": "resource_missing"}}`))
	}))
	defer api.Close()
	clock := testingclock.NewFakePassiveClock(noon)
	r := &Reconciler{
		Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(customer, subscription).
			WithIndex(&v1alpha1.Subscription{}, routing.ByCustomer, func(client.Object) []string { return []string{customer.Name} }).Build(),
		Stripe: stripeapi.New("sk_test_1", api.URL, ""), Readings: mailbox, Clock: clock, DoubtDelay: delay,
		Products:        products.NewCache(nil, events.Decoder{}, clock, logr.Discard()),
		BackfillRunning: func() bool { return false }, ImportRunning: func() bool { return true },
	}
	reconcile := func() time.Duration {
		result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
		if err != nil {
			t.Fatal(err)
		}
		return result.RequeueAfter
	}
	reconcile()
	clock.SetTime(noon.Add(delay)) // the doubt is due
	if again := reconcile(); again != writePause || mailbox.Peek(key) != listed {
		t.Errorf("the mailbox holds %+v, and the customer is read again after %s", mailbox.Peek(key), again)
	}
	mailbox.Remove(key, listed)
	listed = nil
	reconcile()
	if batch := mailbox.Peek(key); batch == nil || !slices.Contains(batch.NotFound, "sub_A") {
		t.Errorf("after the import the mailbox holds %+v, want what was read", batch)
	}
}
