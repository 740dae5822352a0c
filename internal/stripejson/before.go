package stripejson

import "maps"

// Before is the object as it was before an event: the object with its previous_attributes put back. Of a nested object Stripe
// sends only the fields that changed; lists it sends whole.
// See https://docs.stripe.com/api/events/object#event_object-data-previous_attributes.
//
// What cannot be read in it is noted on it alone: an event is not refused for what was before it.
func (o Object) Before(previous Object) Object {
	return Object{fields: overlay(o.fields, previous.fields), problems: &problems{}}
}

// overlay puts the values over those of fields, and leaves fields as they are.
func overlay(fields, values map[string]any) map[string]any {
	merged := maps.Clone(fields)
	for key, value := range values {
		below, nested := merged[key].(map[string]any)
		above, whole := value.(map[string]any)
		if nested && whole {
			value = overlay(below, above)
		}
		if merged == nil {
			merged = map[string]any{}
		}
		merged[key] = value
	}
	return merged
}
