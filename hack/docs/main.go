// Command docs writes the tables of the documentation that come from the code: between the lines
// <!-- begin NAME --> and <!-- end NAME --> of each file. With -check it writes nothing and fails if one is stale.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
)

// pages are the files that hold tables.
var pages = []string{"README.md", "docs/reference.md", "docs/order.md", "docs/email.md", "docs/security.md"}

// tables by name.
var tables = map[string]func() (string, error){
	"events":      eventTable,
	"flags":       flagTable,
	"environment": environmentTable,
	"conditions":  conditionTable,
	"metrics":     metricTable,
	"order":       orderTable,
	"snippet":     resetSnippet,
	"accounts":    accountTable,
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail if a table is stale")
	flag.Parse()
	stale := false
	for _, page := range pages {
		changed, err := update(page, *check)
		if err != nil {
			fmt.Fprintf(os.Stderr, "docs: %s: %v\n", page, err)
			os.Exit(1)
		}
		if changed {
			fmt.Fprintf(os.Stderr, "docs: %s %s\n", page, map[bool]string{true: "is stale", false: "written"}[*check])
			stale = true
		}
	}
	if stale && *check {
		os.Exit(1)
	}
}

// update makes the tables of one page current and says whether that changes it.
func update(page string, check bool) (changed bool, err error) {
	old, err := os.ReadFile(page)
	if err != nil {
		return false, err
	}
	text := string(old)
	for name, table := range tables {
		begin, end := fmt.Sprintf("<!-- begin %s -->\n", name), fmt.Sprintf("<!-- end %s -->", name)
		before, rest, found := strings.Cut(text, begin)
		if !found {
			continue
		}
		_, after, closed := strings.Cut(rest, end)
		if !closed {
			return false, fmt.Errorf("%q has no %q", strings.TrimSpace(begin), end)
		}
		content, err := table()
		if err != nil {
			return false, fmt.Errorf("table %s: %w", name, err)
		}
		text = before + begin + content + end + after
	}
	if bytes.Equal(old, []byte(text)) {
		return false, nil
	}
	if check {
		return true, nil
	}
	return true, os.WriteFile(page, []byte(text), 0o644)
}

// row writes one line of a Markdown table.
func row(out *strings.Builder, cells ...string) {
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

// header writes the first two lines of a Markdown table.
func header(out *strings.Builder, cells ...string) {
	row(out, cells...)
	rule := make([]string, len(cells))
	for i := range rule {
		rule[i] = "---"
	}
	row(out, rule...)
}
