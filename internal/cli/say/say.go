// Package say words times, durations and amounts of money, in the same way in every command of the plugin.
package say

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// Moment is a time in the form of the conditions' messages: 28 November 2026 at 14:44 UTC.
func Moment(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }

// Second is a time in the form of a list: 2026-11-28 14:44:05.
func Second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// Relative is how far a time is from now: "5m ago", "in 3d".
func Relative(t, now time.Time) string {
	switch distance := t.Sub(now); {
	case distance > 0:
		return "in " + duration.HumanDuration(distance)
	case distance > -time.Second:
		return "just now"
	default:
		return duration.HumanDuration(-distance) + " ago"
	}
}

// MomentAndDistance is a moment and how far it is from now: 28 November 2026 at 14:44 UTC (in 3d).
func MomentAndDistance(t, now time.Time) string { return Moment(t) + " (" + Relative(t, now) + ")" }

// Currencies whose minor unit is not a hundredth. See https://docs.stripe.com/currencies.
var (
	wholeUnits  = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	thousandths = strings.Fields("bhd jod kwd omr tnd")
)

// Money is an amount in minor units of a currency, as people write it: 20.00 EUR.
func Money(minor int64, currency string) string {
	digits := 2
	switch {
	case slices.Contains(wholeUnits, currency):
		digits = 0
	case slices.Contains(thousandths, currency):
		digits = 3
	}
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	text := fmt.Sprintf("%0*d", digits+1, minor)
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return strings.TrimSpace(sign + text + " " + strings.ToUpper(currency))
}

// Count is a number with its noun: "1 event", "2 events", "2 batches".
func Count(n int, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "ch"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

var days = regexp.MustCompile(`^(\d{1,4})([dw])(.*)$`)

// ParseDuration reads a length of time as Go does, and days and weeks in front of that: 72h, 3d, 2w, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	whole, rest := time.Duration(0), text
	for {
		part := days.FindStringSubmatch(rest)
		if part == nil {
			break
		}
		n, _ := strconv.Atoi(part[1])
		unit := 24 * time.Hour
		if part[2] == "w" {
			unit *= 7
		}
		whole, rest = whole+time.Duration(n)*unit, part[3]
	}
	if rest == "" && whole > 0 {
		return whole, nil
	}
	part, err := time.ParseDuration(rest)
	if err != nil || whole+part <= 0 {
		return 0, fmt.Errorf("%q is not a length of time: write for example 72h, 3d or 2w", text)
	}
	return whole + part, nil
}
