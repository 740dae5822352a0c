package stripejson

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	// maxFeatures is how many features of a customer are kept. Stripe documents no limit. This is ten for each of the 20
	// products that a subscription can have.
	maxFeatures = 200
	// maxFeature is Stripe's limit for a lookup key, in characters. See
	// https://docs.stripe.com/api/entitlements/feature/object.
	maxFeature = 80
)

// Features reads a summary of a customer's active entitlements. The keys are sorted, each once: the key of an archived
// feature can be used again. Of too many, the first ones in alphabetical order are kept. See
// https://docs.stripe.com/billing/entitlements#webhooks.
func Features(summary Object) v1alpha1.FeatureList {
	list := v1alpha1.FeatureList{More: summary.Bool("entitlements.has_more")}
	for _, entitlement := range summary.List("entitlements.data") {
		if key := featureKey(entitlement); key != "" {
			list.Keys = append(list.Keys, key)
		}
	}
	slices.Sort(list.Keys)
	list.Keys = slices.Compact(list.Keys)
	if len(list.Keys) > maxFeatures {
		list.Keys, list.More = slices.Clone(list.Keys[:maxFeatures]), true
	}
	return list
}

// featureKey is an entitlement's lookup key. A tenant controller compares it, so one that is not valid is no key: it is
// not cut to size.
func featureKey(entitlement Object) string {
	const path = "lookup_key"
	key := entitlement.Text(maxID, path)
	if raw, _ := entitlement.lookup(path).(string); utf8.RuneCountInString(raw) > maxFeature || raw != key {
		entitlement.noteProblem(path, fmt.Sprintf("not a valid key: longer than %d characters, or with unprintable ones", maxFeature))
		return ""
	}
	return key
}
