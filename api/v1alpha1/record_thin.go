package v1alpha1

// ThinRecord is what a thin event carries beside the id and kind of the object that changed (objectID, objectKind). See
// https://docs.stripe.com/event-destinations#thin-events.
type ThinRecord struct {
	// snapshotEventID is Stripe's id of the event (evt_…) that reports the same change together with the object. Absent if
	// the thin event does not name it: then Stripe is asked.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	SnapshotEventID string `json:"snapshotEventID,omitempty"`
}
