// Package repository checks what no compiler checks: imports, workflows, alerts, and that what the documentation names exists.
package repository

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func workflows(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("workflows: %v, %v", files, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		texts[filepath.Base(file)] = read(t, filepath.Join(".github", "workflows", filepath.Base(file)))
	}
	return texts
}

// A tag can be moved; a commit cannot.
func TestActionsArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for name, text := range workflows(t) {
		uses := regexp.MustCompile(`(?m)uses: (.+)$`).FindAllStringSubmatch(text, -1)
		if len(uses) == 0 {
			t.Errorf("%s uses no action", name)
		}
		for _, use := range uses {
			if !pinned.MatchString(use[1]) {
				t.Errorf("%s uses %s: want a commit, and its version beside it", name, use[1])
			}
		}
		if strings.Count(text, "persist-credentials: false") != strings.Count(text, "actions/checkout@") {
			t.Errorf("%s leaves the token in the checkout", name)
		}
	}
}

// Text from outside, such as a branch's name or a title, must not become part of a script.
func TestScriptsHoldNoExpressions(t *testing.T) {
	for name, text := range workflows(t) {
		script, indent := false, 0
		for line := range strings.Lines(text) {
			at := len(line) - len(strings.TrimLeft(line, " -"))
			if script && at <= indent && strings.TrimSpace(line) != "" {
				script = false
			}
			if strings.Contains(line, "run: ") {
				script, indent = true, at
			}
			if script && strings.Contains(line, "${{") {
				t.Errorf("%s: %s", name, strings.TrimSpace(line))
			}
		}
	}
}

// The Makefile has every target that workflows, documents and .ci/run call.
func TestMakeTargetsExist(t *testing.T) {
	makefile := read(t, "Makefile")
	texts := workflows(t)
	for _, path := range append(documents(t), ".ci/run") {
		texts[path] = read(t, path)
	}
	command := regexp.MustCompile("(?m)(?:^|[\\s`])make ((?:[a-z/-]+ ?)+)")
	for path, text := range texts {
		for _, found := range command.FindAllStringSubmatch(scripts(path, text), -1) {
			for target := range strings.FieldsSeq(found[1]) {
				if strings.HasPrefix(target, "bin/") {
					continue // a tool: there is a rule for all of them
				}
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(makefile) {
					t.Errorf("%s calls make %s, which the Makefile does not have", path, target)
				}
			}
		}
	}
}

// scripts is the part of a text that is commands: the steps of .ci/run, and the code in Markdown.
func scripts(path, text string) string {
	if path == ".ci/run" {
		return strings.Join(regexp.MustCompile(`(?m)^step .*$`).FindAllString(text, -1), "\n")
	}
	if !strings.HasSuffix(path, ".md") {
		return text
	}
	return strings.Join(regexp.MustCompile("(?s)```sh\n.*?```|`make [^`]+`").FindAllString(text, -1), "\n")
}

// documents are the Markdown files at the root, in docs/ and of the examples.
func documents(t *testing.T) []string {
	t.Helper()
	var documents []string
	for _, folder := range []string{"", "docs", "examples/*"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.md"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			inside, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, inside)
		}
	}
	return documents
}

// goFiles are the project's Go files.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, folder := range []string{"api", "cmd", "config", "examples", "hack", "internal", "test"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") {
				return err
			}
			inside, err := filepath.Rel(root, path)
			files = append(files, inside)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A test that the documentation names must exist under that name.
func TestNamedTestsExist(t *testing.T) {
	tests := map[string]bool{}
	for _, path := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)`).FindAllStringSubmatch(read(t, path), -1) {
			tests[found[1]] = true
		}
	}
	named := 0
	for _, path := range documents(t) {
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(read(t, path), -1) {
			named++
			if !tests[name[1]] {
				t.Errorf("%s names the test %s, which does not exist", path, name[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("the documents name only %d tests: the threat model alone names more", named)
	}
}
