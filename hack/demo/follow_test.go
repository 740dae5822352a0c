package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a page shows is compared without what is another each time.
func TestCompare(t *testing.T) {
	for name, tc := range map[string]struct {
		shown, printed string
		same           bool
	}{
		"the same":          {"cus-dan   True\n", "cus-dan   True\n", true},
		"ages and columns":  {"NAME AGE\ncus-dan   2s\n", "NAME  AGE\ncus-dan   1m12s\n", true},
		"just now":          {"Since 29 November 2026 (just now)", "Since 1 May 2027 (3s ago)", true},
		"a word moves":      {"ends on\n2 December", "ends\non 29 November", true},
		"another word":      {"cus-dan   True\n", "cus-dan   False\n", false},
		"a line is missing": {"cus-dan   True\ncus-eve   True\n", "cus-dan   True\n", false},
		"nothing":           {"", "cus-dan   True\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := compare(tc.shown, tc.printed); (err == nil) != tc.same {
				t.Errorf("compare: %v", err)
			}
		})
	}
}

// A page is followed block by block. The environment of the demo is there, and a failure of any command is one.
func TestFollow(t *testing.T) {
	environment := filepath.Join(t.TempDir(), "demo.env")
	if err := os.WriteFile(environment, []byte("export ENDPOINT=http://demo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code := func(language, text string) string { return "```" + language + "\n" + text + "```\n" }
	for name, tc := range map[string]struct {
		page   string
		blocks int
		fails  string
	}{
		"right":               {code("sh", "echo $ENDPOINT\n") + "prints\n" + code("", "http://demo\n"), 1, ""},
		"wrong":               {code("sh", "echo $ENDPOINT\n") + code("", "http://other\n"), 1, "http://demo"},
		"it fails":            {code("sh", "false\ntrue\n"), 1, "exit status 1"},
		"a part of it fails":  {code("sh", "false | true\n"), 1, "exit status 1"},
		"to start the demo":   {code("sh", "KEEP=1 make demo\n") + code("", "much\n"), 0, ""},
		"another language":    {code("yaml", "a: b\n") + code("", "a\n"), 0, ""},
		"two blocks, one bad": {code("sh", "echo 1\n") + code("sh", "echo a\n") + code("", "b\n"), 2, "the page shows"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "page.md")
			if err := os.WriteFile(path, []byte(tc.page), 0o600); err != nil {
				t.Fatal(err)
			}
			blocks, err := follow(t.Context(), path, environment, false)
			if blocks != tc.blocks || (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%d blocks, %v, want %d and %q", blocks, err, tc.blocks, tc.fails)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "page.md")
	page := "Before\n" + code("sh", "echo a\n") + "between\n" + code("", "b\n") + "after\n"
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := follow(t.Context(), path, environment, true); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if want := strings.Replace(page, "b\n```", "a\n```", 1); err != nil || string(written) != want {
		t.Errorf("%v, wrote\n%s\nwant\n%s", err, written, want)
	}
}
