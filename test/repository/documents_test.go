package repository

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Every link inside the repository leads to a file, and to a heading if it names one.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range documents(t) {
		text := read(t, path)
		for _, link := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`).FindAllStringSubmatch(text, -1) {
			target, heading := filepath.Join(filepath.Dir(path), link[1]), link[2]
			if link[1] == "" {
				target = path
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", path, target, err)
			} else if heading != "" && !slices.Contains(anchors(read(t, target)), heading) {
				t.Errorf("%s links to the heading #%s of %s, which has none of that name", path, heading, target)
			}
		}
	}
}

// anchors are the names that GitHub gives the headings of a page.
func anchors(page string) []string {
	var names []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// The map in docs/README.md names every page, so that each can be found from there.
func TestTheMapNamesEveryPage(t *testing.T) {
	const atlas = "docs/README.md"
	for _, path := range documents(t) {
		link, err := filepath.Rel(filepath.Dir(atlas), path)
		if err != nil {
			t.Fatal(err)
		}
		if path != atlas && !strings.Contains(read(t, atlas), "]("+link) {
			t.Errorf("%s does not link to %s", atlas, path)
		}
	}
}

// Lines of at most 120 columns read well in a diff and beside code. Tables, generated parts and the output of programs, which is
// fenced without a language, are as wide as they need.
func TestLinesOfDocumentsAreShort(t *testing.T) {
	const columns = 120
	for _, path := range documents(t) {
		fence, isGenerated, number := "", false, 0
		for line := range strings.Lines(read(t, path)) {
			line = strings.TrimSuffix(line, "\n")
			number++
			switch {
			case strings.HasPrefix(line, "```") && fence == "":
				fence = line
			case line == "```":
				fence = ""
			case strings.HasPrefix(line, "<!-- begin "):
				isGenerated = true
			case strings.HasPrefix(line, "<!-- end "):
				isGenerated = false
			case isGenerated, fence == "```", strings.HasPrefix(line, "|"):
			case utf8.RuneCountInString(line) > columns:
				t.Errorf("%s:%d is longer than %d columns", path, number, columns)
			}
		}
	}
}

// Markers of code generators are one line each, however long.
func TestLinesOfCommentsAreShort(t *testing.T) {
	const columns = 140
	for _, path := range goFiles(t) {
		number := 0
		for line := range strings.Lines(read(t, path)) {
			number++
			comment := strings.TrimSpace(line)
			if !strings.HasPrefix(comment, "// ") || strings.HasPrefix(comment, "// +") {
				continue
			}
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > columns {
				t.Errorf("%s:%d is longer than %d columns", path, number, columns)
			}
		}
	}
}
