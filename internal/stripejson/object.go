// Package stripejson reads Stripe objects of every API version since 2017. Stripe moves fields between versions, and
// some versions send a field in both places. So every reader lists the newest path first and takes the first one that
// is present. See https://docs.stripe.com/changelog.
package stripejson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The lengths that are kept. The CRDs validate the same numbers.
const (
	maxID       = 255
	maxName     = 255
	maxWord     = 64
	maxCurrency = 8
	maxSentence = 512
	maxEmail    = 512
	maxPerson   = 256
	maxValue    = 500
)

// Object is a Stripe object or a part of one. Paths are dotted: "items.data.0.price". A path that is missing or null is
// absent. A value of the wrong type is also absent, and is noted (see Problems). The zero Object is empty.
type Object struct {
	fields   map[string]any
	at       string // the path of a part within the whole object, such as "items.data[]."; empty for the whole
	problems *[]Problem
}

// Parse reads exactly one JSON object. Anything else is an error, and so is data after the object.
func Parse(raw []byte) (Object, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return Object{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if fields == nil {
		return Object{}, errors.New("not a JSON object: null")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Object{}, errors.New("not a JSON object: more data follows it")
	}
	return Object{fields: fields, problems: &[]Problem{}}, nil
}

// Present reports whether there is an object.
func (o Object) Present() bool { return o.fields != nil }

// Object is the object at the first path that holds one; absent if none does. In its place, a string is no problem, since it
// is the id of an object that is not expanded, nor is a list, which stands for an object without fields.
func (o Object) Object(paths ...string) Object {
	for _, path := range paths {
		if fields, ok := o.lookup(path).(map[string]any); ok {
			return Object{fields: fields, at: o.at + path + ".", problems: o.problems}
		}
	}
	switch path, value := o.firstPresent(paths); value.(type) {
	case json.Number, bool:
		o.noteType(path, "an object", value)
	}
	return Object{problems: o.problems}
}

// List is the list of objects at the first path that is present. Elements that are not objects are skipped and noted.
func (o Object) List(paths ...string) []Object {
	path, value := o.firstPresent(paths)
	if value == nil {
		return nil
	}
	elements, ok := value.([]any)
	if !ok {
		o.noteType(path, "a list", value)
		return nil
	}
	list := make([]Object, 0, len(elements))
	for _, element := range elements {
		if fields, ok := element.(map[string]any); ok {
			list = append(list, Object{fields: fields, at: o.at + path + "[].", problems: o.problems})
			continue
		}
		o.noteType(path+"[]", "an object", element)
	}
	return list
}

// ID is the Stripe id at the first path that is present. The value is the id itself, or an expanded object with an id.
func (o Object) ID(paths ...string) string {
	path, value := o.firstPresent(paths)
	if expanded, ok := value.(map[string]any); ok {
		path, value = path+".id", expanded["id"]
	}
	id, ok := value.(string)
	switch {
	case value == nil:
		return ""
	case !ok:
		o.noteType(path, "an id", value)
		return ""
	case len(id) > maxID || clean(id, maxID) != id:
		o.noteProblem(path, fmt.Sprintf("not a valid id: longer than %d bytes, or with unprintable characters", maxID))
		return ""
	}
	return id
}

// Text is the string at the first path that is present, without control and bidi characters, cut to limit runes.
func (o Object) Text(limit int, paths ...string) string {
	path, value := o.firstPresent(paths)
	if value == nil {
		return ""
	}
	text, ok := value.(string)
	if !ok {
		o.noteType(path, "a string", value)
		return ""
	}
	return clean(text, limit)
}

// Word is a short string from Stripe's own vocabulary: a status, a reason, a code.
func (o Object) Word(paths ...string) string { return o.Text(maxWord, paths...) }

// Bool is the boolean at the first path that is present; false if none is.
func (o Object) Bool(paths ...string) bool {
	path, value := o.firstPresent(paths)
	if value == nil {
		return false
	}
	b, ok := value.(bool)
	if !ok {
		o.noteType(path, "true or false", value)
	}
	return b
}

// Int is the integer at the first path that is present; nil if none is.
func (o Object) Int(paths ...string) *int64 {
	path, value := o.firstPresent(paths)
	if value == nil {
		return nil
	}
	if number, ok := value.(json.Number); ok {
		if n, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
			return &n
		}
	}
	o.noteType(path, "an integer", value)
	return nil
}

// maxDecimal is the longest number that Decimal keeps.
const maxDecimal = 32

// Decimal is the number at the first path that is present, in the digits that Stripe sent; empty if none is.
func (o Object) Decimal(paths ...string) string {
	path, value := o.firstPresent(paths)
	if value == nil {
		return ""
	}
	number, ok := value.(json.Number)
	if !ok || len(number) > maxDecimal {
		o.noteType(path, "a number of up to 32 digits", value)
		return ""
	}
	return number.String()
}

// Amount is Int with 0 for an absent value.
func (o Object) Amount(paths ...string) int64 {
	if n := o.Int(paths...); n != nil {
		return *n
	}
	return 0
}

// Count is Amount for small numbers. A number that does not fit in 32 bits is noted.
func (o Object) Count(paths ...string) int32 {
	n := o.Amount(paths...)
	if n != int64(int32(n)) {
		o.noteProblem(o.firstPath(paths), "does not fit in 32 bits")
		return 0
	}
	return int32(n)
}

// maxUnixTime is the last second that RFC 3339 can express.
var maxUnixTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()

// Time is the Unix time in seconds at the first path that is present; nil if none is, or if it is 0.
func (o Object) Time(paths ...string) *metav1.Time {
	n := o.Amount(paths...)
	if n < 0 || n > maxUnixTime {
		o.noteProblem(o.firstPath(paths), "not a time from 1970 to 9999")
		return nil
	}
	if n == 0 {
		return nil
	}
	return Unix(n)
}

// Unix is the time n seconds after 1970, in UTC.
func Unix(n int64) *metav1.Time {
	return &metav1.Time{Time: time.Unix(n, 0).UTC()}
}

// firstPresent finds the first path whose value is not null. It notes a value that the path goes through and that has no
// fields: what is behind it cannot be read.
func (o Object) firstPresent(paths []string) (string, any) {
	for _, path := range paths {
		if value := o.lookup(path); value != nil {
			return path, value
		}
		o.noteObstacle(path)
	}
	return "", nil
}

// noteObstacle notes the number or boolean that stands where the path needs an object. See Object for what is no problem. Of a
// list, a string is one: Stripe sends lists with their data, and never by an id.
func (o Object) noteObstacle(path string) {
	for i := range path {
		if path[i] != '.' {
			continue
		}
		switch value := o.lookup(path[:i]).(type) {
		case nil:
			return
		case map[string]any, []any:
		case string:
			if path[i:] == ".data" {
				o.noteType(path[:i], "a list", value)
			}
			return
		default:
			o.noteType(path[:i], "an object", value)
			return
		}
	}
}

func (o Object) lookup(path string) any {
	var value any = o.fields
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func (o Object) firstPath(paths []string) string {
	path, _ := o.firstPresent(paths)
	return path
}

func (o Object) noteType(path, want string, got any) {
	o.noteProblem(path, fmt.Sprintf("want %s, got %s", want, jsonType(got)))
}

func jsonType(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
