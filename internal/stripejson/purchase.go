package stripejson

import (
	"maps"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/accessperiod"
)

// PurchaseMetadata is the object's metadata under the prefix, if it says for how long a purchase grants access; else nil.
// See https://docs.stripe.com/metadata.
func PurchaseMetadata(o Object, prefix string) map[string]v1alpha1.Value {
	return ifGrantsAccess(o.Metadata(prefix, maxMetadata, "metadata"))
}

// PriceMetadata joins the metadata under the prefix of the one-time prices of an invoice or a checkout session that say for
// how long they grant access; nil if none does. Of several prices the longest access counts, whatever the quantities; of
// other keys the first price's value. Before 2025-03-31 an invoice's lines hold their prices. An event about a session never
// does: only the API does.
func PriceMetadata(o Object, prefix string) map[string]v1alpha1.Value {
	var joined map[string]v1alpha1.Value
	for _, line := range o.List("line_items.data", "lines.data") {
		price := line.Object("price", "pricing.price_details.price")
		if price.Object("recurring").Present() || price.Word("type") == "recurring" {
			continue
		}
		found := ifGrantsAccess(price.Metadata(prefix, maxMetadata, "product.metadata", "metadata"))
		if found == nil {
			continue
		}
		if joined == nil {
			joined = found
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(found)) {
			if _, known := joined[key]; !known && len(joined) < maxMetadata {
				joined[key] = found[key]
			}
		}
		if isLonger(found[v1alpha1.MetadataAccess], joined[v1alpha1.MetadataAccess]) {
			joined[v1alpha1.MetadataAccess] = found[v1alpha1.MetadataAccess]
		}
	}
	return joined
}

func ifGrantsAccess(metadata map[string]v1alpha1.Value) map[string]v1alpha1.Value {
	if _, grants := metadata[v1alpha1.MetadataAccess]; !grants {
		return nil
	}
	return metadata
}

// isLonger reports whether access a is longer than b. A text that cannot be read is the shortest.
func isLonger(a, b v1alpha1.Value) bool {
	periodA, err := accessperiod.Parse(string(a))
	if err != nil {
		return false
	}
	periodB, err := accessperiod.Parse(string(b))
	return err != nil || periodA.IsLonger(periodB)
}
