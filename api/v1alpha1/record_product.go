package v1alpha1

// ProductRecord is what a product.updated event reports.
type ProductRecord struct {
	ProductState `json:",inline"`
	Trace        `json:",inline"`
}

// ProductState is what a Stripe product grants. See https://docs.stripe.com/api/products/object.
type ProductState struct {
	// name of the product in Stripe. Absent if it has none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Name string `json:"name,omitempty"`
	// entitlements is the product's metadata whose keys begin with --metadata-prefix, with the prefix removed.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Entitlements map[string]Value `json:"entitlements,omitempty"`
	// notFound is true if Stripe did not know the product when it was read: then it grants nothing.
	// +optional
	NotFound bool `json:"notFound,omitempty"`
}

// Product is a Stripe product that one of the customer's subscriptions bills.
type Product struct {
	// id is Stripe's id of the product (prod_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID           string `json:"id"`
	ProductState `json:",inline"`
}
