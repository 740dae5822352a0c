package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ObjectReference names an object of a known kind in the same namespace.
type ObjectReference struct {
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// EventReference names a Stripe event.
type EventReference struct {
	// id is Stripe's id of the event (evt_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// type is Stripe's event type, such as invoice.paid.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Type string `json:"type"`
	// created is when Stripe created the event, in whole seconds.
	Created metav1.Time `json:"created"`
}

// Value is a metadata value. Stripe allows up to 500 characters.
//
// +kubebuilder:validation:MaxLength=500
type Value string
