package stripejson

import (
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	const bad = "created: not a time from 1970 to 9999 in RFC 3339"
	for name, tc := range map[string]struct{ value, want, problem string }{
		"with milliseconds":        {value: `"2026-10-28T06:20:52.246Z"`, want: "2026-10-28T06:20:52Z"},
		"whole seconds":            {value: `"2026-10-28T06:20:52Z"`, want: "2026-10-28T06:20:52Z"},
		"with nanoseconds":         {value: `"2026-10-28T06:20:52.999999999Z"`, want: "2026-10-28T06:20:52Z"},
		"of another zone":          {value: `"2026-10-28T06:20:52.246+02:00"`, want: "2026-10-28T04:20:52Z"},
		"null":                     {value: `null`},
		"a Unix time":              {value: `1700000000`, problem: "created: want a time, got a number"},
		"a date":                   {value: `"2026-10-28"`, problem: bad},
		"before 1970":              {value: `"1969-12-31T23:59:59Z"`, problem: bad},
		"zero":                     {value: `"1970-01-01T00:00:00Z"`, problem: bad},
		"after 9999, in UTC":       {value: `"9999-12-31T23:59:59-01:00"`, problem: bad},
		"with very many fractions": {value: `"2026-10-28T06:20:52.` + longDigits + `Z"`, problem: bad},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse([]byte(`{"created": ` + tc.value + `}`))
			if err != nil {
				t.Fatal(err)
			}
			got, problem := "", ""
			if at := o.Instant("created"); at != nil {
				got = at.Format(time.RFC3339Nano)
			}
			if err := o.Err(); err != nil {
				problem = err.Error()
			}
			if got != tc.want || problem != tc.problem {
				t.Errorf("got %q with the problem %q, want %q with %q", got, problem, tc.want, tc.problem)
			}
		})
	}
}

const longDigits = "0000000000000000000000000000000000000000000000000000000000000000"
