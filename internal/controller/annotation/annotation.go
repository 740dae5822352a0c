// Package annotation reads requests that a person makes by annotating an object: each value is answered once.
package annotation

// maxValue is how many characters of a value a status has room for.
const maxValue = 255

// Unanswered returns the annotation's value as a status records it. It is empty if that value was answered before.
func Unanswered(value, answered string) string {
	if runes := []rune(value); len(runes) > maxValue {
		value = string(runes[:maxValue])
	}
	if value == answered {
		return ""
	}
	return value
}
