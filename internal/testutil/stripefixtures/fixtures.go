// Package stripefixtures holds Stripe objects that nobody here wrote: Stripe's own examples in three shapes of its API.
package stripefixtures

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed objects-*.json
var files embed.FS

// versions are the API versions of the files.
var versions = map[string]string{
	"objects-2023-11.json": "2023-10-16",
	"objects-2025-03.json": "2025-03-31.basil",
	"objects-2026-08.json": "2026-08-26.dahlia",
}

// Fixture is one object in the shape of one API version.
type Fixture struct {
	// Version is the API version, such as 2023-10-16.
	Version string
	// Kind is Stripe's name of the object's kind, such as invoice.
	Kind string
	// Object is the object's JSON.
	Object json.RawMessage
}

// All returns the objects, by version and kind. It panics if a file is broken.
func All() []Fixture {
	var all []Fixture
	for _, file := range slices.Sorted(maps.Keys(versions)) {
		text, err := files.ReadFile(file)
		if err != nil {
			panic(err)
		}
		var objects map[string]json.RawMessage
		if err := json.Unmarshal(text, &objects); err != nil {
			panic(fmt.Sprintf("%s: %v", file, err))
		}
		for _, kind := range slices.Sorted(maps.Keys(objects)) {
			all = append(all, Fixture{Version: versions[file], Kind: kind, Object: objects[kind]})
		}
	}
	return all
}

// placeholder is the time that Stripe's examples have in most places.
const placeholder = "1234567890"

// WithDistinctTimes is the fixture with another time in each place of Stripe's placeholder, so that a field that is read from a
// wrong place shows.
func (f Fixture) WithDistinctTimes() Fixture {
	parts := strings.Split(string(f.Object), placeholder)
	var text strings.Builder
	for i, part := range parts {
		if i > 0 {
			fmt.Fprintf(&text, "%d", 1234567890+86400*i)
		}
		text.WriteString(part)
	}
	f.Object = json.RawMessage(text.String())
	return f
}

// prefixes are the beginnings of the event types that carry each kind of object.
var prefixes = map[string][]string{
	"bank_account": {"customer.source."}, "card": {"customer.source."}, "source": {"customer.source."},
	"charge":           {"charge."},
	"checkout.session": {"checkout.session."},
	"customer":         {"customer."},
	"dispute":          {"charge.dispute."},
	"entitlements.active_entitlement_summary": {"entitlements.active_entitlement_summary."},
	"invoice":         {"invoice."},
	"invoice_payment": {"invoice_payment."},
	"payment_intent":  {"payment_intent."},
	"payment_method":  {"payment_method."},
	"price":           {"price."},
	"product":         {"product."},
	"refund":          {"refund.", "charge.refund."},
	"setup_intent":    {"setup_intent."},
	"subscription":    {"customer.subscription."},
}

// longer are the beginnings below charge. and customer. whose events carry another kind of object.
var longer = []string{"charge.dispute.", "charge.refund.", "customer.discount.", "customer.source.", "customer.subscription.", "customer.tax_id."}

// Carries reports whether events of the type carry an object of the kind.
func Carries(eventType, kind string) bool {
	for _, prefix := range prefixes[kind] {
		isOther := slices.ContainsFunc(longer, func(l string) bool {
			return l != prefix && strings.HasPrefix(l, prefix) && strings.HasPrefix(eventType, l)
		})
		if strings.HasPrefix(eventType, prefix) && !isOther {
			return true
		}
	}
	return false
}

// Event wraps the object as an event.
func (f Fixture) Event(id, eventType string, created int64) []byte {
	body, err := json.Marshal(map[string]any{
		"id": id, "object": "event", "type": eventType, "created": created, "api_version": f.Version, "livemode": false,
		"pending_webhooks": 1, "request": map[string]any{"id": nil, "idempotency_key": nil}, "data": map[string]any{"object": f.Object},
	})
	if err != nil {
		panic(err)
	}
	return body
}
