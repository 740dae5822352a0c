package main

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	billing "github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// basic is what every tenant may use. A suspended one may use nothing.
var (
	basic   = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("3"), corev1.ResourceServicesLoadBalancers: {}}
	nothing = corev1.ResourceList{corev1.ResourcePods: {}}
)

// limits are the entitlements that set a limit: the metadata tollkeeper_seats=5 of a price is the entitlement seats.
var limits = map[string]corev1.ResourceName{
	"seats":   corev1.ResourcePods,
	"cpu":     corev1.ResourceRequestsCPU,
	"memory":  corev1.ResourceRequestsMemory,
	"storage": corev1.ResourceRequestsStorage,
}

// quotaFor is what the customer bought, as limits of a ResourceQuota. A value that is no quantity is left out.
func quotaFor(customer *billing.Customer) corev1.ResourceList {
	hard := maps.Clone(basic)
	for key, value := range customer.Status.Entitlements {
		quantity, err := resource.ParseQuantity(string(value))
		if name, known := limits[key]; known && err == nil && quantity.Sign() >= 0 {
			hard[name] = quantity
		}
	}
	if slices.Contains(customer.Status.Features, "load-balancer") { // the lookup key of a feature at Stripe
		hard[corev1.ResourceServicesLoadBalancers] = resource.MustParse("1")
	}
	return hard
}
