package census

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

func conditions(all ...metav1.Condition) []metav1.Condition { return all }

func is(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason}
}

func TestTally(t *testing.T) {
	customer := func(all ...metav1.Condition) v1alpha1.Customer {
		return v1alpha1.Customer{Status: v1alpha1.CustomerStatus{Conditions: conditions(all...)}}
	}
	active, compared := is("Entitled", "True", "SubscriptionActive"), is("InSync", "True", "Compared")
	subscription := v1alpha1.Subscription{Status: v1alpha1.SubscriptionStatus{Conditions: conditions(is("InSync", "False", "Differs"))}}
	customers := count.Tally[*v1alpha1.Customer, shown]{Of: shownByCustomer}
	subscriptions := count.Tally[*v1alpha1.Subscription, shown]{Of: shownBySubscription}
	for _, c := range []v1alpha1.Customer{
		customer(active, compared),
		customer(active, is("InSync", "Unknown", "EventsTie")),
		customer(is("Entitled", "Unknown", "StateNotKnown"), is("InSync", "False", "NotInStripe")),
		customer(), // nothing is decided yet
	} {
		customers.OnAdd(&c, true)
	}
	for _, s := range []v1alpha1.Subscription{subscription, subscription, {}} {
		subscriptions.OnAdd(&s, true)
	}
	entitled, outOfSync := tally(customers.Counts(), subscriptions.Counts())
	if diff := cmp.Diff(map[labels]int{{"True", "SubscriptionActive"}: 2, {"Unknown", "StateNotKnown"}: 1}, entitled); diff != "" {
		t.Errorf("entitled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[labels]int{{"Customer", "NotInStripe"}: 1, {"Subscription", "Differs"}: 2}, outOfSync); diff != "" {
		t.Errorf("out of sync (-want +got):\n%s", diff)
	}

	report(entitled, outOfSync)
	if diff := cmp.Diff(map[string]float64{
		"True SubscriptionActive": 2, "Unknown StateNotKnown": 1, "Customer NotInStripe": 1, "Subscription Differs": 2,
	}, reported(t)); diff != "" {
		t.Errorf("the metrics (-want +got):\n%s", diff)
	}
	report(nil, nil)
	if got := reported(t); len(got) > 0 {
		t.Errorf("a former leader reports %v", got)
	}
}

// reported are the values of both metrics by their labels.
func reported(t *testing.T) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.Customers, metrics.OutOfSync)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			values[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return values
}

// informers counts the handlers of each kind: an informer unpacks all objects for each.
type informers struct {
	cache.Informers
	handlers map[string]int
}

type informer struct {
	*controllertest.FakeInformer
	added func()
}

func (i informers) GetInformer(_ context.Context, kind client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	name := "Customer"
	if _, ok := kind.(*v1alpha1.Subscription); ok {
		name = "Subscription"
	}
	return informer{controllertest.NewFakeInformer(controllertest.Synced), func() { i.handlers[name]++ }}, nil
}

func (i informer) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.added()
	h.OnAdd(&v1alpha1.Customer{
		Spec:   v1alpha1.CustomerSpec{Access: v1alpha1.AccessDenied},
		Status: v1alpha1.CustomerStatus{Conditions: conditions(is("Entitled", "False", "Overridden"))},
	}, true)
	return i.FakeInformer.AddEventHandler(h)
}

// The Customers are unpacked once for all that is counted of them.
func TestOneHandlerForEachKind(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		i := informers{handlers: map[string]int{}}
		c := &Counter{Client: fake.NewClientBuilder().WithScheme(scheme).Build(), Cache: i, Clock: testclock.NewFakeClock(time.Now()), Interval: time.Minute}
		ended := make(chan error, 1)
		go func() { ended <- c.Start(ctx) }()
		<-time.After(time.Second) // the handler is there by then
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"Customer": 1, "Subscription": 1}, i.handlers); diff != "" {
			t.Errorf("handlers (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]float64{"False Overridden": 1}, reported(t)); diff != "" {
			t.Errorf("the metrics (-want +got):\n%s", diff)
		}
		if got := testutil.ToFloat64(metrics.CustomersOverridden.WithLabelValues("Denied")); got != 1 {
			t.Errorf("%v are denied, want 1", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
