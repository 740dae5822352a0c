package stripejson

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestMetadata(t *testing.T) {
	type values = map[string]v1alpha1.Value
	const both = `{
		"product": {"metadata": {"tk_seats": "1", "tk_tier": "pro", "seats": "7"}},
		"metadata": {"tk_seats": "5", "color": "blue", "TK_seats": "9", "x_tk_seats": "9"}
	}`
	for name, tc := range map[string]struct {
		text   string
		prefix string
		limit  int
		want   values
	}{
		"a later path overrides":      {both, "tk_", 9, values{"seats": "5", "tier": "pro"}},
		"no prefix keeps none":        {both, "", 9, nil},
		"another prefix":              {both, "other_", 9, nil},
		"the prefix alone is no key":  {`{"metadata": {"tk_": "x"}}`, "tk_", 9, nil},
		"the first by name":           {`{"metadata": {"tk_c": "3", "tk_a": "1", "tk_b": "2"}}`, "tk_", 2, values{"a": "1", "b": "2"}},
		"the limit lets override":     {both, "tk_", 1, values{"seats": "5"}},
		"the limit is over all paths": {both, "tk_", 2, values{"seats": "5", "tier": "pro"}},
		"values that are no text":     {`{"metadata": {"tk_a": 1, "tk_b": null, "tk_c": [], "tk_d": "x"}}`, "tk_", 9, values{"d": "x"}},
		"an empty value":              {`{"metadata": {"tk_a": ""}}`, "tk_", 9, values{"a": ""}},
		"a value to clean":            {`{"metadata": {"tk_a": "p\u0000r\u202eo"}}`, "tk_", 9, values{"a": "pro"}},
		"null":                        {`{"metadata": null, "product": {"metadata": {}}}`, "tk_", 9, nil},
		"a list":                      {`{"metadata": ["tk_a"], "product": "prod_1"}`, "tk_", 9, nil},
		"a long value": {
			`{"metadata": {"tk_a": "` + strings.Repeat("€", 600) + `"}}`, "tk_", 9,
			values{"a": v1alpha1.Value(strings.Repeat("€", 500))},
		},
		"a long key": {
			`{"metadata": {"tk_` + strings.Repeat("x", 256) + `": "no", "tk_` + strings.Repeat("x", 255) + `": "yes"}}`, "tk_", 9,
			values{strings.Repeat("x", 255): "yes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, tc.text)
			if diff := cmp.Diff(tc.want, o.Metadata(tc.prefix, tc.limit, "product.metadata", "metadata")); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if err := o.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Which keys are kept must not depend on the order of a Go map: two replicas would record different specs.
func TestMetadataIsDeterministic(t *testing.T) {
	var pairs []string
	for i := range 200 {
		pairs = append(pairs, fmt.Sprintf(`"tk_%03d": "%d"`, i, i))
	}
	text := `{"metadata": {` + strings.Join(pairs, ",") + `}}`
	want := map[string]v1alpha1.Value{}
	for i := range 50 {
		want[fmt.Sprintf("%03d", i)] = v1alpha1.Value(fmt.Sprint(i))
	}
	for range 20 {
		if diff := cmp.Diff(want, parse(t, text).Metadata("tk_", 50, "metadata")); diff != "" {
			t.Fatalf("metadata (-want +got):\n%s", diff)
		}
	}
}
