package entitlement

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// RunningOverride is the override that decides now; nil if there is none, or if it has ended.
func RunningOverride(spec *v1alpha1.CustomerSpec, now time.Time) *v1alpha1.Override {
	if end := OverrideEnd(spec); spec.Override == nil || end != nil && !now.Before(end.Time) {
		return nil
	}
	return spec.Override
}

// OverrideEnd is when the override ends or ended, to the second; nil if there is none, or if it has no end. A year of
// five digits, into which an offset may carry the last hours of 9999, is no end: a status cannot show it.
func OverrideEnd(spec *v1alpha1.CustomerSpec) *metav1.Time {
	if spec.Override == nil || spec.Override.Until == nil {
		return nil
	}
	end := spec.Override.Until.UTC().Truncate(time.Second)
	if end.Year() > 9999 {
		return nil
	}
	return &metav1.Time{Time: end}
}

// byOverride lets a person's override decide before anything else while it runs.
//
// For example, spec.access is Denied, and an override of 10 March grants access until 13 March 12:00. At 11:59:59 the
// customer is entitled. At 12:00:00 spec.access denies access again.
func byOverride(now time.Time) rule {
	return func(in Input) (Decision, bool) {
		override, end := RunningOverride(&in.Spec, now), OverrideEnd(&in.Spec)
		switch {
		case override == nil:
			return Decision{}, false
		case end == nil:
			return manual(override.Access == v1alpha1.OverrideGranted), true
		case override.Access == v1alpha1.OverrideGranted:
			return Decision{Entitled: true, Reason: v1alpha1.ReasonOverrideGranted,
				Message: "Access was granted manually. It continues, even without a paid subscription, until the override ends" +
					onDate(end) + "."}, true
		default:
			return Decision{Reason: v1alpha1.ReasonOverrideDenied,
				Message: "Access was denied manually. It stays off, even with a paid subscription, until the override ends" +
					onDate(end) + "."}, true
		}
	}
}

// byAccess lets spec.access decide next. It has no end.
func byAccess(in Input) (Decision, bool) {
	if in.Spec.Access != v1alpha1.AccessGranted && in.Spec.Access != v1alpha1.AccessDenied {
		return Decision{}, false
	}
	return manual(in.Spec.Access == v1alpha1.AccessGranted), true
}

// manual is a person's decision without an end.
func manual(granted bool) Decision {
	if granted {
		return Decision{Entitled: true, Reason: v1alpha1.ReasonOverrideGranted,
			Message: "Access was granted manually. It continues, even without a paid subscription, until the override is removed."}
	}
	return Decision{Reason: v1alpha1.ReasonOverrideDenied,
		Message: "Access was denied manually. It stays off, even with a paid subscription, until the override is removed."}
}
