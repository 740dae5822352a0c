package v1alpha1

// FeaturesRecord is what an entitlements.active_entitlement_summary.updated event reports.
type FeaturesRecord struct {
	FeatureList `json:",inline"`
	Trace       `json:",inline"`
}

// FeatureList is the features of a customer's active entitlements. See
// https://docs.stripe.com/api/entitlements/active-entitlement/object.
type FeatureList struct {
	// keys are the lookup keys of the features, in alphabetical order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MaxLength=80
	Keys []string `json:"keys,omitempty"`
	// more is true if there are more: an event names the first ten only.
	// +optional
	More bool `json:"more,omitempty"`
}

// CutFeatures is what status.features joins while the customer's latest list of features is cut.
type CutFeatures struct {
	// first are the features that the cut list names.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MaxLength=80
	First []string `json:"first,omitempty"`
	// before are the features of the latest list that was whole.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MaxLength=80
	Before []string `json:"before,omitempty"`
}
