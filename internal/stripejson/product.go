package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Product reads a product; prefix selects the metadata to keep. Of a deleted product Stripe returns its id and the flag
// deleted only. See https://docs.stripe.com/api/products/object.
func Product(o Object, prefix string) v1alpha1.ProductState {
	return v1alpha1.ProductState{
		Name:         o.Text(maxName, "name"),
		Entitlements: o.Metadata(prefix, maxEntitlements, "metadata"),
		NotFound:     o.Bool("deleted"),
	}
}
