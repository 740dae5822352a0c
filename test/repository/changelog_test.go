package repository

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// CHANGELOG.md has the form of https://keepachangelog.com: what is not released first, then versions, the newest first.
func TestTheChangelogHasItsForm(t *testing.T) {
	text := read(t, "CHANGELOG.md")
	sections := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1)
	if len(sections) == 0 || sections[0][1] != "[Unreleased]" {
		t.Fatalf("the sections are %q: want [Unreleased] first", sections)
	}
	dated := regexp.MustCompile(`^\[\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?\] - \d{4}-\d{2}-\d{2}$`)
	for _, section := range sections[1:] {
		if !dated.MatchString(section[1]) {
			t.Errorf("the section %q is not [1.2.3] - 2026-01-31", section[1])
		}
	}
	kinds := []string{"Upgrade", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
	for _, kind := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(kinds, kind[1]) {
			t.Errorf("the group %q is none of %q", kind[1], kinds)
		}
	}
}

// A release has the notes that the changelog has about it, and there is none without.
func TestReleaseNotesComeFromTheChangelog(t *testing.T) {
	folder := t.TempDir()
	for _, script := range []string{"notes.sh", "tag.sh"} {
		copied := filepath.Join(folder, "hack", "release", script)
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, []byte(read(t, "hack/release/"+script)), 0o755); err != nil { //nolint:gosec // a script
			t.Fatal(err)
		}
	}
	const changelog = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [1.10.0] - 2026-12-02\n\n### Added\n\n- ten, see [all](docs/upgrade.md#the-promise), [it](https://example.com/a) and [that](#ten)\n\n## [1.1.0] - 2026-12-01\n\n- one\n\n## [1.0.0] - 2026-11-30\n"
	if err := os.WriteFile(filepath.Join(folder, "CHANGELOG.md"), []byte(changelog), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Dir = folder
		out, err := command.CombinedOutput()
		return string(out), err
	}
	for version, want := range map[string]string{"v1.10.0": "\n### Added\n\n- ten, see [all](https://github.com/tollkeeper/tollkeeper/blob/v1.10.0/docs/upgrade.md#the-promise), " +
		"[it](https://example.com/a) and [that](#ten)\n", "v1.1.0": "\n- one\n"} {
		if got, err := run("hack/release/notes.sh", version); err != nil || got != want {
			t.Errorf("the notes of %s are %q: %v", version, got, err)
		}
	}
	for _, command := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"}} {
		if out, err := run("git", command...); err != nil {
			t.Fatal(out, err)
		}
	}
	for _, version := range []string{"v1.0.0", "v1.2.0", "v1.1"} {
		if out, err := run("hack/release/notes.sh", version); err == nil {
			t.Errorf("%s has the notes %q", version, out)
		}
		if out, err := run("hack/release/tag.sh", version); err == nil || version != "v1.1" && !strings.Contains(out, "CHANGELOG.md has no section") {
			t.Errorf("%s is tagged: %s", version, out)
		}
	}
	jobs := releaseJobs(t)
	if step := stepOf(t, jobs["build"], "Take the notes from CHANGELOG.md"); strings.TrimSpace(step) != `hack/release/notes.sh "$GITHUB_REF_NAME" > dist/NOTES.md` {
		t.Errorf("the notes are made by %s", step)
	}
	if step := stepOf(t, jobs["publish"], "Publish the release"); !strings.Contains(step, " --notes-file dist/NOTES.md ") {
		t.Errorf("the release is published by %s", step)
	}
}
