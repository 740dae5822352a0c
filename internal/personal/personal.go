// Package personal separates the personal data of a BillingEvent from the financial record, and takes it out.
//
// It knows what is not personal, and nothing else: a field that is added to the API later is personal until it is listed
// here. So a release that forgets to decide about a field erases too much, never too little.
//
// The ids of Stripe's objects (cus_…, evt_…, in_…) are not personal: they say nothing without Stripe, and without them the
// financial record is of no use. Of the seller's own catalogue, the names of prices and products stay as well.
package personal

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Split takes an event apart: the event without its personal data, and a JSON merge patch (RFC 7386) that puts it back. The
// patch is nil if the event has none. The event itself stays as it is. See Merge.
func Split(e *v1alpha1.BillingEvent) (public *v1alpha1.BillingEvent, patch []byte) {
	clean, taken := split(must(generic(e)), nil)
	public = must(typed(clean))
	if taken == nil {
		return public, nil
	}
	return public, must(json.Marshal(taken))
}

// Redact is the event without its personal data. The event itself stays as it is.
func Redact(e *v1alpha1.BillingEvent) *v1alpha1.BillingEvent {
	public, _ := Split(e)
	return public
}

// Merge puts the personal data back that Split has taken out. public stays as it is. The error is about the patch.
func Merge(public *v1alpha1.BillingEvent, patch []byte) (*v1alpha1.BillingEvent, error) {
	var taken map[string]any
	if err := decode(patch, &taken); err != nil {
		return nil, err
	}
	return typed(merge(must(generic(public)), taken))
}

// split divides a value into what is public and what is personal. A part that there is nothing of is nil.
//
// A merge patch replaces a list as a whole. So if an entry of a list has personal data, the patch has the list whole, and
// the public event has it without the personal data.
func split(value any, path []string) (public, taken any) {
	switch v := value.(type) {
	case map[string]any:
		return splitMap(v, path)
	case []any:
		return splitList(v, path)
	case nil:
		return nil, nil
	default:
		if isPublic(path) {
			return v, nil
		}
		return nil, v
	}
}

func splitMap(fields map[string]any, path []string) (public, taken any) {
	if isFree(path) {
		return nil, fields
	}
	clean, personal := map[string]any{}, map[string]any{}
	for key, field := range fields {
		stays, goes := split(field, append(slices.Clone(path), key))
		if stays != nil {
			clean[key] = stays
		}
		if goes != nil {
			personal[key] = goes
		}
	}
	if len(personal) == 0 {
		return clean, nil
	}
	return clean, personal
}

func splitList(entries []any, path []string) (public, taken any) {
	clean, isPersonal := make([]any, 0, len(entries)), false
	for _, entry := range entries {
		stays, goes := split(entry, path)
		if stays != nil {
			clean = append(clean, stays)
		}
		isPersonal = isPersonal || goes != nil
	}
	switch {
	case !isPersonal:
		return entries, nil
	case len(clean) == 0:
		return nil, entries
	default:
		return clean, entries
	}
}

// merge applies a merge patch. See https://www.rfc-editor.org/rfc/rfc7386#section-2.
func merge(target, patch map[string]any) map[string]any {
	merged := maps.Clone(target)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range patch {
		below, isMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(merged, key)
		case isMap:
			old, _ := merged[key].(map[string]any)
			merged[key] = merge(old, below)
		default:
			merged[key] = value
		}
	}
	return merged
}

func generic(e *v1alpha1.BillingEvent) (fields map[string]any, err error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("personal: %w", err)
	}
	err = decode(text, &fields)
	return fields, err
}

func typed(fields any) (*v1alpha1.BillingEvent, error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("personal: %w", err)
	}
	e := &v1alpha1.BillingEvent{}
	return e, decode(text, e)
}

// must is for what cannot fail: every BillingEvent has a JSON form, and a part of that is one of a BillingEvent.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// decode keeps whole numbers whole: amounts may be larger than a float64 holds exactly.
func decode(text []byte, object any) error {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(object); err != nil {
		return fmt.Errorf("personal: %s: %w", reflect.TypeOf(object), err)
	}
	return nil
}
