package stripetest

import (
	"fmt"
	"net/url"
	"slices"
)

// summaryKind is Stripe's name of the object that lists a customer's active entitlements.
const summaryKind = "entitlements.active_entitlement_summary"

// summaryID is the id under which a World holds a customer's summary. Stripe's has none.
func summaryID(customer string) string { return "summary_" + customer }

// Feature returns a feature that can be sold. See https://docs.stripe.com/api/entitlements/feature/object.
func Feature(key string) Object {
	return Object{"id": "feat_" + key, "object": "entitlements.feature", "active": true, "livemode": false, "lookup_key": key, "name": key, "metadata": Object{}}
}

// FeaturesOf returns the summary of a customer's active entitlements, as an event holds it: the first ten. See
// https://docs.stripe.com/billing/entitlements#webhooks.
func FeaturesOf(customer string, keys ...string) Object {
	entitlements := []any{}
	for _, key := range keys {
		entitlements = append(entitlements, map[string]any{
			"id": "ent_" + customer + "_" + key, "object": "entitlements.active_entitlement", "feature": "feat_" + key, "livemode": false, "lookup_key": key,
		})
	}
	return Render(Object{"object": summaryKind, "customer": customer, "livemode": false, "entitlements": map[string]any{
		"object": "list", "data": entitlements, "has_more": false, "url": "/v1/customer/" + customer + "/entitlements",
	}}, New)
}

// FeaturesBefore are the previous_attributes of a summary: Stripe sends the former entitlements.
func FeaturesBefore(keys ...string) Object {
	before := FeaturesOf("cus_A", keys...)["entitlements"].(map[string]any)
	return Object{"entitlements": Object{"data": before["data"], "has_more": before["has_more"]}}
}

// dropID removes the id that a World gives to a summary.
func dropID(summary map[string]any) { delete(summary, "id") }

// changeFeatures changes which features the customer is entitled to. The change returns the lookup keys.
func (w *World) changeFeatures(change func(keys []string) []string) {
	customer := w.customer()
	if customer == "" || len(w.subscriptions()) == 0 {
		return
	}
	id := summaryID(customer)
	if w.objects[id] == nil {
		w.add(wholeSummary(customer), "")
	}
	before := w.featuresOf(customer)
	after := change(slices.Clone(before))
	for _, key := range after {
		if w.objects["feat_"+key] == nil {
			w.add(Feature(key), "")
		}
	}
	if !slices.Equal(before, after) {
		w.change(id, summaryKind+".updated", func(o Object) { o["entitlements"] = wholeSummary(customer, after...)["entitlements"] })
	}
}

// wholeSummary is a summary as a World holds it: with all entitlements.
func wholeSummary(customer string, keys ...string) Object {
	all := []any{}
	for _, key := range keys {
		all = append(all, FeaturesOf(customer, key)["entitlements"].(map[string]any)["data"].([]any)...)
	}
	summary := FeaturesOf(customer).With("id", summaryID(customer))
	summary["entitlements"].(map[string]any)["data"] = all
	return summary
}

// FeaturesOf returns the lookup keys of all of the customer's active entitlements.
func (w *World) FeaturesOf(customer string) []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.featuresOf(customer)
}

func (w *World) featuresOf(customer string) []string {
	var keys []string
	for _, entitlement := range entitlementsOf(w.objects[summaryID(customer)]) {
		keys = append(keys, entitlement.(map[string]any)["lookup_key"].(string))
	}
	return keys
}

// SetFeatures sets a customer's active entitlements without an event.
func (w *World) SetFeatures(customer string, keys ...string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, key := range keys {
		if w.objects["feat_"+key] == nil {
			w.add(Feature(key), "")
		}
	}
	w.add(wholeSummary(customer, keys...), "")
}

func entitlementsOf(summary Object) []any {
	if summary == nil {
		return nil
	}
	return summary["entitlements"].(map[string]any)["data"].([]any)
}

// listEntitlements returns what the API lists below /v1/entitlements; nil if that is no list.
func listEntitlements(world *World, list string, query url.Values) []any {
	switch list {
	case "active_entitlements":
		items := []any{}
		customer := query.Get("customer")
		for _, entitlement := range entitlementsOf(wholeSummary(customer, world.FeaturesOf(customer)...)) {
			items = append(items, Object(entitlement.(map[string]any)))
		}
		return items
	case "features":
		isWanted := query.Get("archived") != "true"
		return append([]any{}, newestFirst(world, "entitlements.feature", func(o Object) bool { return o["active"] == isWanted })...)
	default:
		return nil
	}
}

// manyFeatures are more features than an event can hold.
func manyFeatures() []string {
	var keys []string
	for n := range nestedEntries + 2 {
		keys = append(keys, fmt.Sprintf("limit-%02d", n))
	}
	return keys
}

func without(keys []string, key string) []string {
	return slices.DeleteFunc(keys, func(k string) bool { return k == key })
}

func with(keys []string, key string) []string {
	if slices.Contains(keys, key) {
		return keys
	}
	return append(keys, key)
}
