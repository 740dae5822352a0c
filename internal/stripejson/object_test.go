package stripejson

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// reading is the result of a reader: a value, and the problems that it noted.
type reading struct {
	Value any
	Err   string
}

func parse(t *testing.T, text string) Object {
	t.Helper()
	o, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func read(o Object, value any) reading {
	if err := o.Err(); err != nil {
		return reading{Value: value, Err: err.Error()}
	}
	return reading{Value: value}
}

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"an object":         {`{"a": 1}`, ""},
		"white space":       {" \n{}\t\n", ""},
		"nothing":           {"", "not a JSON object: EOF"},
		"null":              {"null", "not a JSON object: null"},
		"a list":            {"[]", "not a JSON object: json: cannot unmarshal array into Go value of type map[string]interface {}"},
		"a second object":   {"{}{}", "not a JSON object: more data follows it"},
		"a closing bracket": {"{}]", "not a JSON object: more data follows it"},
		"half an object":    {`{"a": `, "not a JSON object: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tc.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// The JSON decoder bounds the depth, and the size of the body bounds the width.
func TestParseOfHugeObjects(t *testing.T) {
	const depth = 9_000
	if _, err := Parse([]byte(strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000))); err == nil {
		t.Error("an object of depth 200,000 was read")
	}
	deep := parse(t, strings.Repeat(`{"a":`, depth)+`"bottom"`+strings.Repeat("}", depth))
	if got := deep.Text(10, strings.Repeat("a.", depth-1)+"a"); got != "bottom" {
		t.Errorf("at depth %d is %q, want bottom", depth, got)
	}
	wide := parse(t, `{"list": [`+strings.Repeat(`{"id": "x"},`, 100_000)+`null]}`)
	if got := len(wide.List("list")); got != 100_000 {
		t.Errorf("%d elements, want 100,000", got)
	}
	number := parse(t, `{"n": `+strings.Repeat("9", 1_000_000)+`}`)
	if got := number.Int("n"); got != nil || number.Err() == nil {
		t.Errorf("a number of a million digits is %v", got)
	}
}

// Every reader takes the first path that is present. Null is absent, and so is a path that does not exist.
func TestFirstPresentPathWins(t *testing.T) {
	const text = `{
		"null": null, "part": {"null": null}, "list": ["zero", {"id": "one"}],
		"new": {"text": "new", "bool": true, "int": 1, "object": {"from": "new"}, "list": [{"from": "new"}], "empty": ""},
		"old": {"text": "old", "bool": false, "int": 2, "object": {"from": "old"}, "list": [{"from": "old"}], "empty": "old"}
	}`
	absent := []string{
		"null", "missing", "part.null", "part.missing", "null.text", "new.text.deeper", "list.2", "list.-1", "list.x", "list.id", "",
	}
	with := func(paths ...string) []string { return append(append([]string{}, absent...), paths...) }
	for name, tc := range map[string]struct {
		read func(Object) any
		want any
	}{
		"new text":           {func(o Object) any { return o.Text(9, with("new.text", "old.text")...) }, "new"},
		"old text":           {func(o Object) any { return o.Text(9, with("old.text", "new.text")...) }, "old"},
		"no text":            {func(o Object) any { return o.Text(9, absent...) }, ""},
		"an empty text":      {func(o Object) any { return o.Text(9, with("new.empty", "old.empty")...) }, ""},
		"text in a list":     {func(o Object) any { return o.Text(9, "list.0") }, "zero"},
		"new bool":           {func(o Object) any { return o.Bool(with("new.bool", "old.bool")...) }, true},
		"a bool of false":    {func(o Object) any { return o.Bool(with("old.bool", "new.bool")...) }, false},
		"no bool":            {func(o Object) any { return o.Bool(absent...) }, false},
		"new int":            {func(o Object) any { return *o.Int(with("new.int", "old.int")...) }, int64(1)},
		"no int":             {func(o Object) any { return o.Int(absent...) }, (*int64)(nil)},
		"no amount":          {func(o Object) any { return o.Amount(absent...) }, int64(0)},
		"new count":          {func(o Object) any { return o.Count(with("new.int", "old.int")...) }, int32(1)},
		"new time":           {func(o Object) any { return o.Time(with("new.int", "old.int")...) }, Unix(1)},
		"no time":            {func(o Object) any { return o.Time(absent...) }, (*metav1.Time)(nil)},
		"new object":         {func(o Object) any { return o.Object(with("new.object", "old.object")...).Word("from") }, "new"},
		"object after an id": {func(o Object) any { return o.Object("new.text", "old.object").Word("from") }, "old"},
		"no object":          {func(o Object) any { return o.Object(absent...).Present() }, false},
		"new list":           {func(o Object) any { return o.List(with("new.list", "old.list")...)[0].Word("from") }, "new"},
		"no list":            {func(o Object) any { return o.List(absent...) }, []Object(nil)},
		"new id":             {func(o Object) any { return o.ID(with("new.text", "old.text")...) }, "new"},
		"id in a list":       {func(o Object) any { return o.ID("list.1") }, "one"},
		"no id":              {func(o Object) any { return o.ID(absent...) }, ""},
		"nothing in nothing": {func(Object) any { return Object{}.ID("id") + Object{}.Object("a").Text(9, "b") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, text)
			if diff := cmp.Diff(reading{Value: tc.want}, read(o, tc.read(o))); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
		})
	}
}

// A value of the wrong type is noted with its path and types. It does not fall back to an older path.
func TestWrongTypesAreNoted(t *testing.T) {
	const text = `{"text": "secret", "number": 42, "fraction": 1.5, "exponent": 1e3, "huge": 9223372036854775808,
		"bool": true, "list": ["secret"], "object": {"secret": 1}, "nested": {"id": 42}, "good": "good", "one": 1}`
	for name, tc := range map[string]struct {
		read func(Object) any
		want reading
	}{
		"text of a number": {
			func(o Object) any { return o.Text(9, "number", "good") },
			reading{"", "number: want a string, got a number"},
		},
		"text of a list": {
			func(o Object) any { return o.Text(9, "list") },
			reading{"", "list: want a string, got a list"},
		},
		"text of a bool": {
			func(o Object) any { return o.Word("bool") },
			reading{"", "bool: want a string, got a boolean"},
		},
		"text of an object": {
			func(o Object) any { return o.Word("object") },
			reading{"", "object: want a string, got an object"},
		},
		"bool of a text": {
			func(o Object) any { return o.Bool("text") },
			reading{false, "text: want true or false, got a string"},
		},
		"int of a text": {
			func(o Object) any { return o.Int("text", "one") },
			reading{(*int64)(nil), "text: want an integer, got a string"},
		},
		"int of a fraction": {
			func(o Object) any { return o.Amount("fraction") },
			reading{int64(0), "fraction: want an integer, got a number"},
		},
		"int of an exponent": {
			func(o Object) any { return o.Amount("exponent") },
			reading{int64(0), "exponent: want an integer, got a number"},
		},
		"int over 64 bits": {
			func(o Object) any { return o.Amount("huge") },
			reading{int64(0), "huge: want an integer, got a number"},
		},
		"time of a text": {
			func(o Object) any { return o.Time("text") },
			reading{(*metav1.Time)(nil), "text: want an integer, got a string"},
		},
		"list of an object": {
			func(o Object) any { return o.List("object") },
			reading{[]Object(nil), "object: want a list, got an object"},
		},
		"list of a text": {
			func(o Object) any { return o.List("text") },
			reading{[]Object(nil), "text: want a list, got a string"},
		},
		"id of a number": {
			func(o Object) any { return o.ID("number") },
			reading{"", "number: want an id, got a number"},
		},
		"id of a list": {
			func(o Object) any { return o.ID("list") },
			reading{"", "list: want an id, got a list"},
		},
		"expanded id": {
			func(o Object) any { return o.ID("nested") },
			reading{"", "nested.id: want an id, got a number"},
		},
		"expanded without id": {
			func(o Object) any { return o.ID("object") },
			reading{"", ""},
		},
		"object of an id": {
			func(o Object) any { return o.Object("text").Present() },
			reading{false, ""},
		},
		"in a part": {
			func(o Object) any { return o.Object("nested").Word("id") },
			reading{"", "nested.id: want a string, got a number"},
		},
		"twice": {
			func(o Object) any { return o.Word("number") + o.Word("number") + o.Word("list") },
			reading{"", "number: want a string, got a number; list: want a string, got a list"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, text)
			if diff := cmp.Diff(tc.want, read(o, tc.read(o))); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
		})
	}
}

func TestText(t *testing.T) {
	for name, tc := range map[string]struct {
		json, want string
		limit      int
	}{
		"short":                {`"Ada"`, "Ada", 3},
		"cut":                  {`"Adam"`, "Ada", 3},
		"cut at runes":         {`"Ü€😀x"`, "Ü€😀", 3},
		"cut to nothing":       {`"Ada"`, "", 0},
		"control characters":   {`"A\u0000d\u001b[31m\r\na\u007f\u0085"`, "Ad[31ma", 20},
		"bidi characters":      {`"\u202eA\u2066d\u200fa\u061c\u2069"`, "Ada", 20},
		"cut after cleaning":   {`"\n\n\nAda"`, "Ada", 3},
		"joiners stay":         {`"👩\u200d🚀"`, "👩\u200d🚀", 3},
		"half a surrogate":     {`"A\ud800a"`, "A\uFFFDa", 20},
		"no UTF-8":             {"\"A\xffd\xc3(\"", "A\uFFFDd\uFFFD(", 20},
		"lone start of a rune": {"\"Ada\xe2\x82\"", "Ada\uFFFD\uFFFD", 20},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, `{"text": `+tc.json+`}`).Text(tc.limit, "text")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if !utf8.ValidString(got) {
				t.Errorf("%q is no UTF-8", got)
			}
		})
	}
}

func TestID(t *testing.T) {
	const refused = ": not a valid id: longer than 255 bytes, or with unprintable characters"
	for name, tc := range map[string]struct {
		json string
		want reading
	}{
		"an id":                {`"cus_1"`, reading{"cus_1", ""}},
		"expanded":             {`{"id": "cus_1", "object": "customer"}`, reading{"cus_1", ""}},
		"expanded and deleted": {`{"id": "cus_1", "deleted": true}`, reading{"cus_1", ""}},
		"the longest":          {`"` + strings.Repeat("x", 255) + `"`, reading{strings.Repeat("x", 255), ""}},
		"too long":             {`"` + strings.Repeat("x", 256) + `"`, reading{"", "id" + refused}},
		"too many bytes":       {`"` + strings.Repeat("€", 86) + `"`, reading{"", "id" + refused}},
		"a line break":         {`"cus_1\n"`, reading{"", "id" + refused}},
		"turned":               {`"cus_\u202e1"`, reading{"", "id" + refused}},
		"expanded, too long":   {`{"id": "` + strings.Repeat("x", 256) + `"}`, reading{"", "id.id" + refused}},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, `{"id": `+tc.json+`}`)
			if diff := cmp.Diff(tc.want, read(o, o.ID("id"))); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTime(t *testing.T) {
	const refused = "old: not a time from 1970 to 9999"
	none := (*metav1.Time)(nil)
	for name, tc := range map[string]struct {
		seconds int64
		want    reading
	}{
		"now":              {1790848800, reading{Unix(1790848800), ""}},
		"zero":             {0, reading{none, ""}},
		"the first second": {1, reading{Unix(1), ""}},
		"before 1970":      {-1, reading{none, refused}},
		"the last second":  {253402300799, reading{Unix(253402300799), ""}},
		"the year 10000":   {253402300800, reading{none, refused}},
		"the largest":      {math.MaxInt64, reading{none, refused}},
		"the smallest":     {math.MinInt64, reading{none, refused}},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, fmt.Sprintf(`{"new": null, "old": %d}`, tc.seconds))
			got := o.Time("new", "old")
			if diff := cmp.Diff(tc.want, read(o, got)); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("cannot be written: %v", err)
			}
		})
	}
	if got := Unix(1790848800).Format("2006-01-02T15:04:05Z07:00"); got != "2026-10-01T10:00:00Z" {
		t.Errorf("Unix(1790848800) is %s", got)
	}
}

func TestCount(t *testing.T) {
	const refused = "old: does not fit in 32 bits"
	for name, tc := range map[string]struct {
		number int64
		want   reading
	}{
		"small":        {-3, reading{int32(-3), ""}},
		"the largest":  {math.MaxInt32, reading{int32(math.MaxInt32), ""}},
		"one more":     {math.MaxInt32 + 1, reading{int32(0), refused}},
		"the smallest": {math.MinInt32, reading{int32(math.MinInt32), ""}},
		"one less":     {math.MinInt32 - 1, reading{int32(0), refused}},
		"64 bits":      {math.MaxInt64, reading{int32(0), refused}},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, fmt.Sprintf(`{"old": %d}`, tc.number))
			if diff := cmp.Diff(tc.want, read(o, o.Count("new", "old"))); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListSkipsElementsThatAreNotObjects(t *testing.T) {
	o := parse(t, `{"list": [null, "text", 1, [], {"id": "a"}, true, {"id": "b"}], "empty": []}`)
	var got []string
	for _, element := range o.List("empty", "list") {
		got = append(got, element.ID("id"))
	}
	if got != nil {
		t.Errorf("an empty list is present, and must win; got %v", got)
	}
	for _, element := range o.List("list") {
		got = append(got, element.ID("id"))
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
	if err := o.Err(); err != nil {
		t.Error(err)
	}
}
