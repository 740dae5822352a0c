package stripejson

import (
	"maps"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// maxMetadata is Stripe's limit of keys per object. See https://docs.stripe.com/api/metadata.
const maxMetadata = 50

// Metadata collects up to limit entries whose keys begin with prefix, with the prefix removed, from the metadata at the
// paths. A later path overrides an earlier one. Keys that are empty or unprintable without the prefix are skipped. An
// empty prefix selects nothing.
func (o Object) Metadata(prefix string, limit int, paths ...string) map[string]v1alpha1.Value {
	if prefix == "" {
		return nil
	}
	found := map[string]v1alpha1.Value{}
	for _, path := range paths {
		metadata := o.Object(path)
		for _, key := range slices.Sorted(maps.Keys(metadata.fields)) {
			short, ok := strings.CutPrefix(key, prefix)
			if !ok || short == "" || len(short) > maxID || clean(short, maxID) != short {
				continue
			}
			if _, known := found[short]; !known && len(found) >= limit {
				continue
			}
			if value, ok := metadata.fields[key].(string); ok {
				found[short] = v1alpha1.Value(clean(value, maxValue))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}
