package stripejson

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBefore(t *testing.T) {
	for name, tc := range map[string]struct{ object, previous, want string }{
		"nothing changed":             {`{"a":1}`, `{}`, `{"a":1}`},
		"a value":                     {`{"a":1,"b":2}`, `{"a":3}`, `{"a":3,"b":2}`},
		"what was null":               {`{"a":1}`, `{"a":null}`, `{"a":null}`},
		"what is null":                {`{"a":null}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"what was an object":          {`{"a":{"b":1}}`, `{"a":null}`, `{"a":null}`},
		"a part of a nested object":   {`{"a":{"b":1,"c":2}}`, `{"a":{"b":3}}`, `{"a":{"b":3,"c":2}}`},
		"a list, which is sent whole": {`{"a":[{"b":1},{"b":2}]}`, `{"a":[{"b":3}]}`, `{"a":[{"b":3}]}`},
		"a field that is gone":        {`{}`, `{"a":1}`, `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			object, previous, want := parse(t, tc.object), parse(t, tc.previous), parse(t, tc.want)
			if diff := cmp.Diff(want.fields, object.Before(previous).fields); diff != "" {
				t.Errorf("before (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(parse(t, tc.object).fields, object.fields); diff != "" {
				t.Errorf("the object itself has changed (-want +got):\n%s", diff)
			}
		})
	}
}

// An unreadable earlier state does not make the event itself unreadable.
func TestBeforeKeepsItsProblems(t *testing.T) {
	object := parse(t, `{"status":"active"}`)
	before := object.Before(parse(t, `{"status":["odd"]}`))
	before.Word("status")
	if before.Err() == nil || object.Err() != nil {
		t.Errorf("problems of the state before: %v, of the object: %v; want some and none", before.Err(), object.Err())
	}
}

// In old API versions a list in previous_attributes lacks what did not change.
func TestHoldsBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		previous, version string
		want              bool
	}{
		"a value, in the oldest version":  {`{"status":"active"}`, "2011-01-01", true},
		"a list below, in an old version": {`{"items":{"data":[{"quantity":1}]}}`, "2017-04-06", false},
		"a list, in an old version":       {`{"a":[]}`, "2016-07-06", false},
		"a list, sent whole":              {`{"items":{"data":[{"quantity":1}]}}`, "2017-05-25", true},
		"a list, in the newest version":   {`{"a":[]}`, "", true},
	} {
		if got := parse(t, tc.previous).HoldsBefore(tc.version); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}
