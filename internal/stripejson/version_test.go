package stripejson

import "testing"

func TestIsVersion(t *testing.T) {
	for text, want := range map[string]bool{
		NewestVersion: true, "2023-10-16": true, "2025-03-31.basil": true, "2026-05-27.preview": true,
		"": false, "latest": false, "2025-3-31": false, "2025-13-01": false, "2025-03-32": false, "2025-03-31.": false,
		"2025-03-31.Basil": false, "2025-03-31.basil\n": false, " 2025-03-31": false, "2025-03-31; beta=v1": false,
	} {
		if got := IsVersion(text); got != want {
			t.Errorf("IsVersion(%q) = %t, want %t", text, got, want)
		}
	}
}
