package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEndOfLog(t *testing.T) {
	many := strings.Repeat("a line\n", 100) + "--grace-period is wrong\n"
	for content, want := range map[string]string{
		"":             "  (it is empty)",
		"one":          "  one",
		"one\ntwo\n\n": "  one\n  two",
		many:           strings.Repeat("  a line\n", shownLines-1) + "  --grace-period is wrong",
	} {
		path := filepath.Join(t.TempDir(), "manager.log")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, endOfLog(path)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if got := endOfLog(filepath.Join(t.TempDir(), "none")); !strings.Contains(got, "no such file") {
		t.Errorf("without a log: %s", got)
	}
}
