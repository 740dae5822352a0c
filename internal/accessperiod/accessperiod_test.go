package accessperiod

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"30d": "2026-03-02T12:00:00Z", "4w": "2026-02-28T12:00:00Z", "720h": "2026-03-02T12:00:00Z", "1h": "2026-01-31T13:00:00Z",
		"1mo": "2026-02-28T12:00:00Z", "12mo": "2027-01-31T12:00:00Z", "3mo": "2026-04-30T12:00:00Z", "1y": "2027-01-31T12:00:00Z",
		" 30D ": "2026-03-02T12:00:00Z", "30 days": "2026-03-02T12:00:00Z", "1 Month": "2026-02-28T12:00:00Z",
		"2years": "2028-01-31T12:00:00Z", "2 weeks": "2026-02-14T12:00:00Z", "1 hour": "2026-01-31T13:00:00Z",
		"P30D": "2026-03-02T12:00:00Z", "P4W": "2026-02-28T12:00:00Z", "P1M": "2026-02-28T12:00:00Z", "P1Y": "2027-01-31T12:00:00Z",
		"p1y6m": "2027-07-31T12:00:00Z", "PT720H": "2026-03-02T12:00:00Z", "P1DT12H": "2026-02-02T00:00:00Z", "PT1M30S": "2026-01-31T12:01:30Z",
		"100y": "2126-01-31T12:00:00Z",
	} {
		p, err := Parse(text)
		if got := p.End(start).Format(time.RFC3339); err != nil || p.IsLifetime() || got != want {
			t.Errorf("%q ends at %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"lifetime", "Lifetime "} {
		if p, err := Parse(text); err != nil || !p.IsLifetime() {
			t.Errorf("%q: %+v %v, want a lifetime", text, p, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "30", "1m", "30x", "-30d", "0d", "P", "PT", "P1DT", "P0D", "1.5d", "P1.5D", "101y", "999999w", "9999999d", "forever", "30d 2h", "1e3d",
		"١d",
	} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%q is read as %+v, want an error", text, p)
		}
	}
}

func TestIsLonger(t *testing.T) {
	order := []string{"1d", "4w", "1mo", "32d", "1y", "lifetime"}
	for i, a := range order {
		for j, b := range order {
			pa, _ := Parse(a)
			pb, _ := Parse(b)
			if got := pa.IsLonger(pb); got != (i > j) {
				t.Errorf("%s is longer than %s: %t", a, b, got)
			}
		}
	}
}
