package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OverrideAccess is what an Override does with the customer's access.
//
// +kubebuilder:validation:Enum=Granted;Denied
type OverrideAccess string

const (
	// OverrideGranted: the customer is entitled while the override runs, whatever the subscriptions say.
	OverrideGranted OverrideAccess = "Granted"
	// OverrideDenied: the customer is not entitled while the override runs, whatever the subscriptions say.
	OverrideDenied OverrideAccess = "Denied"
)

// Override is a person's decision about a customer's access. While it runs it decides before spec.access and before the
// subscriptions. Once it has ended, everything is as if it were not there.
type Override struct {
	// access is Granted or Denied.
	Access OverrideAccess `json:"access"`
	// until is when the override ends, as RFC 3339 has it (2026-03-13T12:00:00Z); a fraction of a second is ignored.
	// Absent: it runs until it is removed.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	Until *metav1.Time `json:"until,omitempty"`
	// reason is why the person overrides, for other people to read. It is shown nowhere else.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`
	// author is the person who overrides, for other people to read. It is shown nowhere else.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Author string `json:"author,omitempty"`
}
