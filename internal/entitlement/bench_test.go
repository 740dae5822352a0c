package entitlement

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Deciding about a customer with a subscription that is past due.
func BenchmarkDecide(b *testing.B) {
	in := Input{
		Customer:      &v1alpha1.CustomerStatus{},
		Subscriptions: map[string]*v1alpha1.SubscriptionStatus{"sub_1": &sub("past_due").started(day(-60)).failing(day(-2)).seen(day(-2)).status},
	}
	b.ReportAllocs()
	for b.Loop() {
		Decide(in, plain, noon)
	}
}
