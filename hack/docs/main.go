// Command docs writes the generated parts of the documentation: everything between the lines <!-- begin NAME --> and
// <!-- end NAME --> of a page. With -check it writes nothing and fails if a part is stale.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// parts by the name that the pages give them.
var parts = map[string]func() (string, error){
	"events":        eventTable,
	"left-out":      leftOutTable,
	"flags":         flagTable,
	"environment":   environmentTable,
	"conditions":    conditionTable,
	"metrics":       metricTable,
	"order":         orderTable,
	"situations":    situationTables,
	"snippet":       resetSnippet,
	"accounts":      accountTable,
	"plugin":        pluginCommands,
	"notification":  notificationExample,
	"notified":      wholeFile("examples/notifications/receiver.go", "go"),
	"azure":         wholeFile("examples/archive/azure/values.yaml", "yaml"),
	"azure-k":       wholeFile("examples/archive/azure/kustomization.yaml", "yaml"),
	"bucket":        wholeFile("examples/archive/bucket/values.yaml", "yaml"),
	"bucket-k":      wholeFile("examples/archive/bucket/kustomization.yaml", "yaml"),
	"folder":        wholeFile("examples/archive/folder/values.yaml", "yaml"),
	"folder-k":      wholeFile("examples/archive/folder/kustomization.yaml", "yaml"),
	"folder-volume": wholeFile("examples/archive/folder/volume.yaml", "yaml"),
	"schema":        wholeFile("internal/notice/data.schema.json", "json"),
	"packages":      packageTable,
	"picture":       packagePicture,
	"new-type":      addedFile("internal/events/customer_source_expiring.go"),
	"new-type-test": addedFile("internal/events/customer_source_expiring_test.go"),
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail if a part is stale")
	flag.Parse()
	stale, err := updateAll(*check)
	if err != nil {
		fmt.Fprintf(os.Stderr, "docs: %v\n", err)
		os.Exit(1)
	}
	if stale && *check {
		os.Exit(1)
	}
}

// updateAll updates every page: the Markdown files at the root and in docs/. It reports whether one was stale.
func updateAll(check bool) (stale bool, err error) {
	for _, folder := range []string{"", "docs"} {
		pages, err := filepath.Glob(filepath.Join(folder, "*.md"))
		if err != nil {
			return false, err
		}
		for _, page := range pages {
			changed, err := update(page, check)
			if err != nil {
				return false, fmt.Errorf("%s: %w", page, err)
			}
			if changed {
				fmt.Fprintf(os.Stderr, "docs: %s %s\n", page, map[bool]string{true: "is stale", false: "written"}[check])
				stale = true
			}
		}
	}
	return stale, nil
}

// generated matches one generated part: its first line, its name, and the name in its last line.
var generated = regexp.MustCompile(`(?s)(<!-- begin (\S+) -->\n).*?<!-- end (\S+) -->`)

// update makes the generated parts of one page current and reports whether that changes the page.
func update(page string, check bool) (changed bool, err error) {
	content, err := os.ReadFile(page)
	if err != nil {
		return false, err
	}
	old := string(content)
	found := generated.FindAllStringSubmatch(old, -1)
	if len(found) != strings.Count(old, "<!-- begin ") || len(found) != strings.Count(old, "<!-- end ") {
		return false, fmt.Errorf("a generated part has no begin or no end")
	}
	text := old
	for _, match := range found {
		name := match[2]
		generate, known := parts[name]
		if !known || match[3] != name {
			return false, fmt.Errorf("part %q, which ends as %q, is not known", name, match[3])
		}
		part, err := generate()
		if err != nil {
			return false, fmt.Errorf("part %s: %w", name, err)
		}
		text = strings.Replace(text, match[0], match[1]+part+"<!-- end "+name+" -->", 1)
	}
	if text == old || check {
		return text != old, nil
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
