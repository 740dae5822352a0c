package stripejson

import (
	"strings"
	"unicode"
)

// clean removes unprintable characters and those that change the reading direction, and cuts the text to limit runes.
func clean(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	for i := range text {
		if limit == 0 {
			return text[:i]
		}
		limit--
	}
	return text
}
