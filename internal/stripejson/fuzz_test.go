package stripejson

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzRead: for any JSON and any path, a text is printable and within its limit, and a time can be written as RFC 3339.
func FuzzRead(f *testing.F) {
	for _, raw := range []string{
		`{"a":{"id":"x"},"b":["y",{"c":1}]}`, `{"a":null}`, `{"a":9223372036854775808}`, `{"a":-1e400}`, `{"a":"\u202e\u0000\ud800"}`,
		`{"metadata":{"p_a":"1","p_b":null,"p_":"2"}}`, `{"a":[[[[]]]]}`, `{"a":253402300800}`, `{}`, `null`, `{}{}`,
	} {
		for _, path := range []string{"a", "a.id", "b.0", "b.1.c", "b.-1", "", ".", "metadata"} {
			f.Add([]byte(raw), path)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, path string) {
		o, err := Parse(raw)
		if err != nil {
			return
		}
		for _, text := range []string{o.ID(path), o.Text(8, path), o.Word(path, path)} {
			prints := !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
			if !prints || !utf8.ValidString(text) || len(text) > 4*maxID {
				t.Errorf("%q at %q of %q", text, path, raw)
			}
		}
		if n := utf8.RuneCountInString(o.Text(8, path)); n > 8 {
			t.Errorf("a text of %d characters at %q of %q, want at most 8", n, path, raw)
		}
		if at := o.Time(path); at != nil && (at.Year() < 1970 || at.Year() > 9999) {
			t.Errorf("the time %s at %q of %q", at, path, raw)
		}
		for _, part := range o.List(path) {
			part.Count("a")
		}
		if metadata := o.Metadata("p_", 3, path); len(metadata) > 3 {
			t.Errorf("%d entries of metadata at %q of %q, want at most 3", len(metadata), path, raw)
		}
		o.Before(o.Object(path))
		if err := o.Err(); err != nil && !utf8.ValidString(err.Error()) && utf8.ValidString(path) {
			t.Errorf("the error is no UTF-8: %q", err)
		}
	})
}
