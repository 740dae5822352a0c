package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AnnotationErase on a Customer that is deleted at Stripe requests that its personal data is erased. Its value is the user,
// the time and the reason, such as "grace@example.com: 2026-11-29T01:20:00Z Ticket 4711". The admission policy asks for the verb
// erase on customers, and lets the value begin with the name of the user only. Every new value is a new request.
const AnnotationErase = "billing.tollkeeper.dev/erase"

// ErasureWait is what an erasure waits for.
//
// +kubebuilder:validation:Enum="";Events;Emails;Archive
type ErasureWait string

const (
	// WaitsForNothing: the erasure goes on.
	WaitsForNothing ErasureWait = ""
	// WaitsForEvents: events about the customer have no outcome yet.
	WaitsForEvents ErasureWait = "Events"
	// WaitsForEmails: an e-mail to the customer may still be in progress.
	WaitsForEmails ErasureWait = "Emails"
	// WaitsForArchive: the archive cannot be read or written, or --archive-url does not name the one that has events.
	WaitsForArchive ErasureWait = "Archive"
)

// Erasure is how far the erasure of a customer's personal data is. The counts are of what was found in the cluster.
type Erasure struct {
	// request is the SHA-256 of the annotation that is answered, in hexadecimal. Absent if --erase-deleted-customers began the
	// erasure.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Request string `json:"request,omitempty"`
	// startedAt is when the erasure began. From then on this status shows nothing personal, whatever comes later.
	StartedAt metav1.Time `json:"startedAt"`
	// completedAt is when nothing personal was left. Absent while something is, also if an event brings personal data later.
	// +optional
	CompletedAt *metav1.Time `json:"completedAt,omitempty"`
	// waitsFor is what the erasure waits for: Events, Emails or Archive. Absent if it goes on, or is complete.
	// +optional
	WaitsFor ErasureWait `json:"waitsFor,omitempty"`
	// events is the number of BillingEvents from which personal data was taken.
	// +optional
	Events int32 `json:"events,omitempty"`
	// emails is the number of Emails that were deleted.
	// +optional
	Emails int32 `json:"emails,omitempty"`
	// passwordResets is the number of PasswordResets that were deleted.
	// +optional
	PasswordResets int32 `json:"passwordResets,omitempty"`
	// archive is true once the archive has the record of the erasure. Absent if there is no archive.
	// +optional
	Archive bool `json:"archive,omitempty"`
	// latestEvents identifies the latest events with personal data that came since the erasure began: a hash of their UIDs.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	LatestEvents string `json:"latestEvents,omitempty"`
}

// ErasureRequest is the value by which status.erasure names the annotation that it answers; empty without one.
func ErasureRequest(c *Customer) string {
	value := c.Annotations[AnnotationErase]
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// IsErasureComplete reports whether the customer is erased, as far as was requested: a new request is not answered yet.
func IsErasureComplete(c *Customer) bool {
	e, request := c.Status.Erasure, ErasureRequest(c)
	return e != nil && e.CompletedAt != nil && (request == "" || request == e.Request)
}
