package repository

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const troubleshooting = "docs/troubleshooting.md"

// Each reason for which the receiver answers is in the table of docs/troubleshooting.md, under its status code.
func TestTroubleshootingHasEveryAnswerOfTheReceiver(t *testing.T) {
	want := map[string]string{}
	for _, found := range regexp.MustCompile(`answer\{http\.(\w+), "(\w+)"|refusal\(http\.(\w+), "(\w+)"`).FindAllStringSubmatch(code(t, "internal/receiver"), -1) {
		want[found[2]+found[4]] = found[1] + found[3]
	}
	for _, found := range regexp.MustCompile(`(?m)^\treason\w+\s+= "(\w+)"`).FindAllStringSubmatch(code(t, "internal/receiver"), -1) {
		want[found[1]] = "StatusBadRequest"
	}
	names := map[string]string{
		"200": "StatusOK", "400": "StatusBadRequest", "404": "StatusNotFound", "405": "StatusMethodNotAllowed", "413": "StatusRequestEntityTooLarge",
		"415": "StatusUnsupportedMediaType", "503": "StatusServiceUnavailable",
	}
	got := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\d{3}) \\| ([`a-z_, ]+) \\|").FindAllStringSubmatch(read(t, troubleshooting), -1) {
		for reason := range strings.SplitSeq(row[2], ", ") {
			got[strings.Trim(reason, "`")] = names[row[1]]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 15 {
		t.Errorf("%s and the receiver (-receiver +page):\n%s", troubleshooting, diff)
	}
}

// What the page names exists: log lines, metrics, reasons, flags and variables.
func TestTroubleshootingNamesWhatExists(t *testing.T) {
	page, source := read(t, troubleshooting), code(t, "internal", "cmd", "api")
	_, lines, found := strings.Cut(page, "\n## Log lines\n")
	if !found {
		t.Fatal("there is no list of log lines")
	}
	logged := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(lines, -1)
	for _, line := range logged {
		if !strings.Contains(source, `"`+line[1]+`"`) {
			t.Errorf("nothing logs %q", line[1])
		}
	}
	if len(logged) < 10 {
		t.Errorf("there are only %d log lines", len(logged))
	}
	inline := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page, "")
	var named []string
	for _, word := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(inline, -1) {
		for _, form := range []string{`^(tollkeeper_\w+)`, `^--([a-z-]+)$`, `^([A-Z]+_[A-Z_]+)$`, `^([A-Z][a-z]+[A-Z]\w+)$`} {
			if match := regexp.MustCompile(form).FindStringSubmatch(word[1]); match != nil {
				named = append(named, match[1])
			}
		}
	}
	slices.Sort(named)
	for _, name := range slices.Compact(named) {
		if !strings.Contains(source, `"`+name+`"`) && !strings.Contains(source, `"`+name+`:`) && !strings.HasPrefix(name, "Test") && name != "BillingEvent" && name != "NetworkPolicy" {
			t.Errorf("%s names %s, which is not in the code", troubleshooting, name)
		}
	}
	if len(named) < 20 {
		t.Errorf("the page names only %q", named)
	}
}

// code is the text of the folders' files in Go, but of tests.
func code(t *testing.T, folders ...string) string {
	t.Helper()
	var text strings.Builder
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testutil") {
				return err
			}
			content, err := os.ReadFile(path)
			text.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}
