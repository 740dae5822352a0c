package stripejson

import "maps"

// Before is the object as it was before an event: the object with its previous_attributes put back. For a nested object
// Stripe sends only the fields that changed; lists are sent whole (see HoldsBefore). See
// https://docs.stripe.com/api/events/object#event_object-data-previous_attributes.
//
// Problems in the earlier state are noted on it alone: they do not make the event unreadable.
func (o Object) Before(previous Object) Object {
	return Object{fields: overlay(o.fields, previous.fields), problems: &[]Problem{}}
}

// lastWithCutLists is the last API version in which previous_attributes hold only the elements of a list that changed.
const lastWithCutLists = "2017-04-06"

// HoldsBefore reports whether previous_attributes hold all that the object before the event is made of. In old API versions a list
// in them lacks the elements that did not change.
//
// For example, a subscription has two items, and one of them changes from 1 seat to 2. In 2017-04-06 the earlier list holds
// that item alone.
func (o Object) HoldsBefore(apiVersion string) bool {
	return apiVersion == "" || apiVersion > lastWithCutLists || !holdsList(o.fields)
}

// holdsList reports whether a JSON value is a list, or has one anywhere below it.
func holdsList(value any) bool {
	switch value := value.(type) {
	case []any:
		return true
	case map[string]any:
		for _, below := range value {
			if holdsList(below) {
				return true
			}
		}
	}
	return false
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
