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

// offered is the version of Go that workflows install and the image is built with, in its newest patch. Neither downloads another.
const offered = "1.26"

// No module requires a later Go than the workflows install. They install the newest patch, so that govulncheck sees a standard
// library with its fixes.
func TestModulesRequireTheGoThatWorkflowsInstall(t *testing.T) {
	for name, text := range workflows(t) {
		setups := strings.Count(text, "actions/setup-go@")
		if setups == 0 {
			t.Errorf("%s sets up no Go", name)
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
				t.Errorf("%s requires Go %s, want %s at most", inside, asked[1], offered)
			}
		}
		return err
	})
	if err != nil || modules < 7 {
		t.Errorf("found %d modules: %v", modules, err)
	}
}

// A release is a commit of main that passes every check, and it contains everything that SECURITY.md promises.
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
			t.Errorf("SECURITY.md or the release workflow lacks %s", promised)
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
