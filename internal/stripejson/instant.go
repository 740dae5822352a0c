package stripejson

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxInstant is how long a time in RFC 3339 is at most, with fractions of a second.
const maxInstant = 64

// Instant is the time in RFC 3339 at the first path that is present, cut to whole seconds; nil if none is. Stripe's API v2
// writes times so: "2026-10-28T06:20:52.246Z".
func (o Object) Instant(paths ...string) *metav1.Time {
	path, value := o.firstPresent(paths)
	if value == nil {
		return nil
	}
	text, isText := value.(string)
	if !isText {
		o.noteType(path, "a time", value)
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if len(text) > maxInstant || err != nil || at.Unix() <= 0 || at.Unix() > maxUnixTime {
		o.noteProblem(path, "not a time from 1970 to 9999 in RFC 3339")
		return nil
	}
	return Unix(at.Unix())
}
