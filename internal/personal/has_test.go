package personal

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// What people write on an event is personal, but for what an erasure leaves of a dismissal: the user and the time.
func TestWhatPeopleWrite(t *testing.T) {
	const dismissal = "grace: 2026-11-29T01:20:00Z Ada was refunded by hand"
	dismissed := func(value string) *v1alpha1.BillingEvent {
		e := &v1alpha1.BillingEvent{}
		e.Name, e.UID, e.Annotations = "evt-1", "1", map[string]string{v1alpha1.AnnotationDismissed: value}
		e.Status.EndedDismissal = value
		return e
	}
	for name, tc := range map[string]struct {
		event *v1alpha1.BillingEvent
		want  bool
	}{
		"nothing":                  {event: dismissed("")},
		"a dismissal":              {event: dismissed(dismissal), want: true},
		"one without a time":       {event: dismissed("grace: Ada called"), want: true},
		"one without a user":       {event: dismissed("Ada called"), want: true},
		"its rest":                 {event: dismissed(WithoutReason(dismissal))},
		"the rest without a time":  {event: dismissed(WithoutReason("grace: Ada called"))},
		"the rest without a user":  {event: dismissed(WithoutReason("Ada called"))},
		"a dismissal that ended":   {event: &v1alpha1.BillingEvent{Status: v1alpha1.BillingEventStatus{EndedDismissal: dismissal}}, want: true},
		"another annotation":       {event: withAnnotation("note", "Ada called"), want: true},
		"a label of a user's tool": {event: withLabel("team", "billing")},
	} {
		if got := Has(tc.event); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}

func withAnnotation(key, value string) *v1alpha1.BillingEvent {
	e := &v1alpha1.BillingEvent{}
	e.Annotations = map[string]string{key: value}
	return e
}

func withLabel(key, value string) *v1alpha1.BillingEvent {
	e := &v1alpha1.BillingEvent{}
	e.Labels = map[string]string{key: value}
	return e
}
