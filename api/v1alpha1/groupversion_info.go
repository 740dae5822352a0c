// Package v1alpha1 holds the resources of billing.tollkeeper.dev: the events that Stripe sent, and the customers,
// subscriptions, e-mails and password resets that result from them.
//
// Amounts are in the currency's minor unit (cents), as in Stripe's API. Currencies are lower-case ISO 4217 codes.
// Fields have the same meaning whatever API version shaped the payload.
//
// +kubebuilder:object:generate=true
// +groupName=billing.tollkeeper.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "billing.tollkeeper.dev", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme registers the kinds of this package with a scheme.
var AddToScheme = schemeBuilder.AddToScheme

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&BillingEvent{}, &BillingEventList{},
		&Customer{}, &CustomerList{},
		&Subscription{}, &SubscriptionList{},
		&Email{}, &EmailList{},
		&PasswordReset{}, &PasswordResetList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
