package events

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// featuresKind is Stripe's name of the object that holds a customer's active entitlements. It has no id.
const featuresKind = "entitlements.active_entitlement_summary"

func init() {
	readingTypes[featuresKind] = Type{Name: featuresKind + ".read", Record: "features", read: readFeatures}
}

// readFeatures reads the features of a customer. Each customer starts without any. A state that is cut is no state that
// another change can start at, because it may stand for several.
func readFeatures(p Payload, e *projection.Event) {
	e.Features = &v1alpha1.FeaturesRecord{
		FeatureList: stripejson.Features(p.Object),
		Trace:       newTrace(e.Type, p, func(o stripejson.Object) any { return stripejson.Features(o).Keys }),
	}
	for _, state := range []*string{&e.Features.StateBefore, &e.Features.StateAfter} {
		if *state == noFeatures {
			*state = v1alpha1.StateNone
		}
	}
	if p.Previous.Present() && stripejson.Features(p.Object.Before(p.Previous)).More {
		e.Features.StateBefore = ""
	}
}

var noFeatures = fingerprint([]string(nil))
