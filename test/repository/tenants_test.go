package repository

import (
	"regexp"
	"strings"
	"testing"
)

// The contract for tenant authors has every reason of Entitled, under the status that it comes with.
func TestTheContractNamesEveryReason(t *testing.T) {
	page, source := read(t, "docs/tenants.md"), read(t, "api/v1alpha1/conditions.go")
	named := 0
	for _, group := range regexp.MustCompile(`(?s)// Reasons of Entitled=(\w+)[^\n]*\nconst \((.*?)\n\)`).FindAllStringSubmatch(source, -1) {
		for _, reason := range regexp.MustCompile(`\tReason\w+ += "(\w+)"`).FindAllStringSubmatch(group[2], -1) {
			named++
			if row := "\n| `" + group[1] + "` | `" + reason[1] + "` |"; !strings.Contains(page, row) {
				t.Errorf("docs/tenants.md has no row %q", row)
			}
		}
	}
	if rows := strings.Count(page, "\n| `True` | `") + strings.Count(page, "\n| `False` | `") + strings.Count(page, "\n| `Unknown` | `"); named < 13 || rows != named {
		t.Errorf("the API has %d reasons of Entitled, and docs/tenants.md %d", named, rows)
	}
}
