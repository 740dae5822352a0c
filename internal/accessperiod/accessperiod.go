// Package accessperiod reads for how long a purchase grants access, as a seller writes it into Stripe's metadata.
//
// It accepts, in any case and with spaces around:
//
//	lifetime                 access that does not end
//	720h 30d 4w 1mo 12mo 1y  a number and a unit: h, d, w, mo or y, or the word: 30 days, 1 month
//	P30D P4W P1M P1Y PT720H  ISO 8601, also with several parts: P1Y6M, P1DT12H
//
// Nothing else: "1m" could be a minute or a month, and a bare number has no unit.
package accessperiod

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	lifetime = "lifetime"
	// maxYears bounds a period. Longer access is a lifetime.
	maxYears = 100
)

// ErrNotReadable is the error for a text that is no period. It does not quote the text.
var ErrNotReadable = errors.New(
	"want lifetime, a number with a unit (h, d, w, mo or y, such as 30d) or an ISO 8601 duration (such as P30D), up to 100 years")

// Period is a length of time. A day is 24 hours; months and years are those of the calendar.
type Period struct {
	isLifetime   bool
	months, days int
	rest         time.Duration
}

var (
	short = regexp.MustCompile(`^([0-9]{1,6}) ?(h|hours?|d|days?|w|weeks?|mo|months?|y|years?)$`)
	iso   = regexp.MustCompile(`^p(?:([0-9]{1,6})y)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?` +
		`(?:t(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?)?$`)
)

// Parse reads a period. It fails with ErrNotReadable.
func Parse(text string) (Period, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == lifetime {
		return Period{isLifetime: true}, nil
	}
	var p Period
	switch parts := short.FindStringSubmatch(text); {
	case parts != nil:
		p = of(number(parts[1]), parts[2])
	default:
		parts := iso.FindStringSubmatch(text)
		if parts == nil || strings.HasSuffix(text, "t") {
			return Period{}, ErrNotReadable
		}
		p = Period{
			months: 12*number(parts[1]) + number(parts[2]), days: 7*number(parts[3]) + number(parts[4]),
			rest: time.Duration(number(parts[5]))*time.Hour + time.Duration(number(parts[6]))*time.Minute +
				time.Duration(number(parts[7]))*time.Second,
		}
	}
	start := time.Unix(0, 0).UTC()
	if end := p.End(start); !end.After(start) || end.After(start.AddDate(maxYears, 0, 0)) {
		return Period{}, ErrNotReadable
	}
	return p, nil
}

// of is n times the unit, which short has matched.
func of(n int, unit string) Period {
	switch unit[0] {
	case 'h':
		return Period{rest: time.Duration(n) * time.Hour}
	case 'd':
		return Period{days: n}
	case 'w':
		return Period{days: 7 * n}
	case 'y':
		return Period{months: 12 * n}
	default:
		return Period{months: n}
	}
}

// number is the value of up to six digits; 0 if there are none.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// IsLifetime reports whether the access does not end.
func (p Period) IsLifetime() bool { return p.isLifetime }

// End is when a period that begins at start ends; start itself for a lifetime, which does not end. A month ends on the same
// day of the next month, or on its last day: a month from 31 January ends on 28 February.
func (p Period) End(start time.Time) time.Time {
	return addMonths(start.UTC(), p.months).Add(time.Duration(p.days)*24*time.Hour + p.rest)
}

// IsLonger reports whether the period is longer than the other, if both begin now.
func (p Period) IsLonger(other Period) bool {
	if p.isLifetime || other.isLifetime {
		return p.isLifetime && !other.isLifetime
	}
	start := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	return p.End(start).After(other.End(start))
}

func addMonths(t time.Time, months int) time.Time {
	if months == 0 {
		return t
	}
	moved := t.AddDate(0, months, 0)
	if moved.Day() != t.Day() { // the month is shorter: Go has counted on into the next one
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}
