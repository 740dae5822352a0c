package repository

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// In a clone without history, the test of the upgrade does not pass by doing nothing: it fails, and says what to fetch.
func TestAShallowCloneSaysWhatToFetch(t *testing.T) {
	source, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", "--depth=1", "file://"+source, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script := filepath.Join(clone, "hack", "previous", "build.sh")
	if err := os.MkdirAll(filepath.Dir(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte(read(t, "hack/previous/build.sh")), 0o755); err != nil { //nolint:gosec // a script
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), script).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "git fetch --unshallow --tags\n") {
		t.Errorf("in a shallow clone: %v\n%s", err, out)
	}
	if text := read(t, ".ci/run"); !strings.Contains(text, "step test-upgrade make test-upgrade\n") || !strings.Contains(text, "test-upgrade NOT RUN") {
		t.Error(".ci/run does not run make test-upgrade, or does not say when it cannot")
	}
	for name, text := range workflows(t) {
		if !strings.Contains(text, "- run: .ci/run") {
			continue
		}
		before, _, _ := strings.Cut(text, "- run: .ci/run")
		checkout := before[strings.LastIndex(before, "actions/checkout@"):]
		if !strings.Contains(checkout, "fetch-depth: 0") {
			t.Errorf("%s runs .ci/run without the history", name)
		}
	}
}
