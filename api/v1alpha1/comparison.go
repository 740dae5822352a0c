package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AnnotationResync on a Customer or a Subscription requests a resync: compare it with Stripe and repair what differs.
// Every new value (such as the current time) is a new request. status.lastComparison.request holds the last one.
const AnnotationResync = "billing.tollkeeper.dev/resync"

// Comparison is the result of comparing a status with the objects in Stripe's API.
type Comparison struct {
	// at is when the objects were read from Stripe. A periodic resync is recorded only if it found a difference.
	At metav1.Time `json:"at"`
	// request is the value of the resync annotation that was answered last. Absent if no resync was ever requested.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Request string `json:"request,omitempty"`
	// differed lists the status fields that differed from Stripe and were repaired. On a Customer, the fields of its
	// subscriptions appear as "<subscription>.<field>".
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=320
	Differed []string `json:"differed,omitempty"`
	// remaining lists the status fields that differed from Stripe and still do: they show an event that is not older than
	// the reading. The object is read again. They are named as in differed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=320
	Remaining []string `json:"remaining,omitempty"`
	// notFound is true if Stripe does not know the object.
	// +optional
	NotFound bool `json:"notFound,omitempty"`
}
