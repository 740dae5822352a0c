package say

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMoney(t *testing.T) {
	for want, tc := range map[string]struct {
		minor    int64
		currency string
	}{
		"20.00 EUR": {2000, "eur"},
		"0.05 USD":  {5, "usd"},
		"-1.00 EUR": {-100, "eur"},
		"500 JPY":   {500, "jpy"},
		"1.250 KWD": {1250, "kwd"},
		"0.00":      {0, ""},
	} {
		if diff := cmp.Diff(want, Money(tc.minor, tc.currency)); diff != "" {
			t.Errorf("Money(%d, %s) (-want +got):\n%s", tc.minor, tc.currency, diff)
		}
	}
}

func TestRelative(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for want, distance := range map[string]time.Duration{
		"in 3d": 72 * time.Hour, "5m ago": -5 * time.Minute, "just now": 0, "in 10s": 10 * time.Second,
	} {
		if diff := cmp.Diff(want, Relative(now.Add(distance), now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", distance, diff)
		}
	}
	if diff := cmp.Diff("28 November 2026 at 11:00 UTC (60m ago)", MomentAndDistance(now.Add(-time.Hour), now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"72h": 72 * time.Hour, "3d": 72 * time.Hour, "2w": 14 * 24 * time.Hour, "1d12h": 36 * time.Hour, "1w1d": 8 * 24 * time.Hour, "90m": 90 * time.Minute,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "3", "0s", "-3h", "three days", "3d-72h", "0d", "d", "1.5d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", text, got)
		}
	}
}
