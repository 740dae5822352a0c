package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AnnotationResync on a Customer or a Subscription asks to compare it with Stripe and to repair what differs. Any value that has
// not been answered yet asks, such as the present time; status.lastComparison.request says which one was answered last.
const AnnotationResync = "billing.tollkeeper.dev/resync"

// Comparison says how the status compared with the objects that Stripe's API had.
type Comparison struct {
	// at is when Stripe was asked. A comparison of the background sweep that found nothing is not written.
	At metav1.Time `json:"at"`
	// request is the value of the resync annotation that was answered last.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Request string `json:"request,omitempty"`
	// differed are the fields that showed something else than Stripe, and were repaired. On a Customer those of its subscriptions
	// are "<subscription>.<field>".
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=320
	Differed []string `json:"differed,omitempty"`
	// notFound says that Stripe does not know the object.
	// +optional
	NotFound bool `json:"notFound,omitempty"`
}
