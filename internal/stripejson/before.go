package stripejson

import "maps"

// Before is the object as it was before an event: the object with its previous_attributes put back. For a nested object
// Stripe sends only the fields that changed; lists are sent whole. See
// https://docs.stripe.com/api/events/object#event_object-data-previous_attributes.
//
// Problems in the earlier state are noted on it alone: they do not make the event unreadable.
func (o Object) Before(previous Object) Object {
	return Object{fields: overlay(o.fields, previous.fields), problems: &[]Problem{}}
}

// overlay returns fields with values put over them. It leaves fields unchanged.
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
