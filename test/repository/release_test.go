package repository

import (
	"go/version"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// offered is the Go that workflows install and the image is built with: its newest patch. Neither fetches another by itself.
const offered = "1.26"

// What a module asks for is what the workflows install: the newest patch of a version, so that no tool asks for a later one, and
// vulnerabilities are looked for in a standard library that has its fixes.
func TestModulesAskForTheGoThatThereIs(t *testing.T) {
	for name, text := range workflows(t) {
		setups := strings.Count(text, "actions/setup-go@")
		if setups == 0 {
			t.Errorf("%s sets no Go up", name)
		}
		newest := "          go-version: '" + offered + "'\n          check-latest: true\n"
		if strings.Count(text, newest) != setups || strings.Contains(text, "go-version-file") {
			t.Errorf("%s: want the newest patch of Go %s in each of %d jobs", name, offered, setups)
		}
	}
	if !strings.Contains(read(t, "Dockerfile"), " golang:"+offered+" ") {
		t.Errorf("the image is not built with Go %s", offered)
	}
	modules := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "bin" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || entry.Name() != "go.mod" {
			return err
		}
		modules++
		inside, err := filepath.Rel(root, path)
		for _, asked := range regexp.MustCompile(`(?m)^(?:go |toolchain go)(\S+)$`).FindAllStringSubmatch(read(t, inside), -1) {
			if version.Compare(version.Lang("go"+asked[1]), "go"+offered) > 0 {
				t.Errorf("%s asks for Go %s, want %s at most", inside, asked[1], offered)
			}
		}
		return err
	})
	if err != nil || modules < 7 {
		t.Errorf("%d modules are looked at: %v", modules, err)
	}
}

// Nothing is released but a commit of main that passes everything, and what SECURITY.md promises of a release is made.
func TestTheReleaseIsCheckedAndSigned(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct {
			Needs       string            `json:"needs"`
			Permissions map[string]string `json:"permissions"`
			Steps       []struct {
				Run string `json:"run"`
			} `json:"steps"`
		} `json:"jobs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, ".github/workflows/release.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	script := map[string]string{}
	for name, job := range workflow.Jobs {
		if name != "check" && job.Needs != "check" {
			t.Errorf("the job %s does not wait for the check", name)
		}
		for _, step := range job.Steps {
			script[name] += step.Run + "\n"
		}
	}
	if diff := cmp.Diff(map[string]string{"contents": "read"}, workflow.Jobs["check"].Permissions); diff != "" {
		t.Errorf("the check may (-want +got):\n%s", diff)
	}
	if checks := strings.Split(script["check"], "\n"); !slices.Contains(checks, ".ci/run") ||
		!slices.Contains(checks, "git merge-base --is-ancestor HEAD origin/main") {
		t.Errorf("a release is checked by %q", checks)
	}
	policy := read(t, "SECURITY.md")
	for _, promised := range []string{"install.yaml", "install-split.yaml", "SHA256SUMS", "SHA256SUMS.sigstore.json"} {
		if !strings.Contains(policy, promised) || !strings.Contains(script["release"], "dist/"+promised) && !strings.Contains(script["release"], "> "+promised) {
			t.Errorf("SECURITY.md names %s, and the workflow makes it: one of them does not", promised)
		}
	}
	for _, described := range []string{" --sbom=true ", " --provenance=mode=max ", "> dist/sbom-amd64.spdx.json\n", "> dist/sbom-arm64.spdx.json\n"} {
		if !strings.Contains(script["release"], described) {
			t.Errorf("the release lacks %q", described)
		}
	}
	for _, signature := range []string{`bin/cosign sign --yes "$IMAGE@$DIGEST"`, "bin/cosign sign-blob --yes --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS"} {
		if !strings.Contains(script["release"], signature+"\n") {
			t.Errorf("the release does not run %s", signature)
		}
	}
}
