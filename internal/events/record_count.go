package events

import (
	"fmt"
	"reflect"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// HasRecord reports whether the event holds a record of its object.
func HasRecord(e *projection.Event) bool { return countRecords(e) > 0 }

// countRecords counts the records that the event holds: all pointers are.
func countRecords(e *projection.Event) (n int) {
	for _, field := range reflect.ValueOf(e).Elem().Fields() {
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			n++
		}
	}
	return n
}

// withOneRecord is the event, or the event without its records if it holds several. An event reports one object, so several are a
// fault of the decoder, and it is not known which one is right.
func withOneRecord(e *projection.Event) *projection.Event {
	n := countRecords(e)
	if n <= 1 {
		return e
	}
	e = envelopeOf(e)
	e.DecodeError = fmt.Sprintf("the event was read as %d records, and none is stored: this is a fault of Tollkeeper, please report it", n)
	return e
}
