package request

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDismissal(t *testing.T) {
	now := time.Date(2026, 11, 29, 2, 20, 0, 0, time.FixedZone("", 3600))
	for reason, want := range map[string][2]string{
		" Ticket 4711\n":         {"grace@kite.example: 2026-11-29T01:20:00Z Ticket 4711", ""},
		"":                       {"", "--reason is missing"},
		" ":                      {"", "--reason is missing"},
		strings.Repeat("é", 513): {"", "--reason has 513 characters, and there is room for 512"},
	} {
		if erasure, err := Erasure("grace@kite.example", reason, now); erasure != want[0] || (err == nil) != (want[1] == "") {
			t.Errorf("the erasure %q is %q: %v", reason, erasure, err)
		}
		got, err := Dismissal("grace@kite.example", reason, now)
		if diff := cmp.Diff(want[0], got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", reason, diff)
		}
		if (err == nil) != (want[1] == "") || err != nil && !strings.Contains(err.Error(), want[1]) {
			t.Errorf("%q: %v, want %q", reason, err, want[1])
		}
	}
}
