package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Notified says which state of a Customer the CloudEvents sink has accepted last. See docs/notifications.md.
type Notified struct {
	// changedAt is the status.changedAt that the accepted notification had.
	ChangedAt metav1.MicroTime `json:"changedAt"`
	// at is when the sink accepted the notification.
	At metav1.Time `json:"at"`
	// sink identifies the sink: the first 16 hex digits of the SHA-256 of its URL. A sink with another URL has accepted nothing yet.
	// +kubebuilder:validation:MaxLength=16
	Sink string `json:"sink"`
}
