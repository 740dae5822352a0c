package census

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
