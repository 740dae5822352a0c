package repository

import (
	"go/version"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// offered is the version of Go that workflows install, and build the image with, in its newest patch. They download no other.
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

// releaseJobs are the jobs of the release workflow by name.
func releaseJobs(t *testing.T) map[string]job {
	t.Helper()
	var workflow struct {
		Jobs map[string]job `json:"jobs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, ".github/workflows/release.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	return workflow.Jobs
}

type job struct {
	Needs       string            `json:"needs"`
	Permissions map[string]string `json:"permissions"`
	Steps       []struct {
		Name string         `json:"name"`
		Run  string         `json:"run"`
		Uses string         `json:"uses"`
		With map[string]any `json:"with"`
	} `json:"steps"`
}

// script is all that the job's steps run, with the lines of hack/release instead of the calls of its scripts.
func (j job) script(t *testing.T) string {
	t.Helper()
	var script strings.Builder
	for _, step := range j.Steps {
		script.WriteString(linesOf(t, step.Run) + "\n")
	}
	return script.String()
}

// linesOf is what a step runs: if that is a script of hack/release, its lines without comments.
func linesOf(t *testing.T, run string) string {
	t.Helper()
	name, _, _ := strings.Cut(run, " ")
	if !strings.HasPrefix(name, "hack/release/") {
		return run
	}
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, strings.TrimSpace(name)), "")
}

// A release is a commit of main that passes every check, and it contains everything that SECURITY.md promises.
func TestTheReleaseIsCheckedAndSigned(t *testing.T) {
	jobs := releaseJobs(t)
	needs := map[string]string{}
	for name, job := range jobs {
		needs[name] = job.Needs
	}
	if diff := cmp.Diff(map[string]string{"check": "", "build": "check", "publish": "build"}, needs); diff != "" {
		t.Errorf("what each job waits for (-want +got):\n%s", diff)
	}
	if checks := strings.Split(jobs["check"].script(t), "\n"); !slices.Contains(checks, ".ci/run") ||
		!slices.Contains(checks, "git merge-base --is-ancestor HEAD origin/main") {
		t.Errorf("a release is checked by %q", checks)
	}
	policy, script := read(t, "SECURITY.md"), jobs["build"].script(t)+jobs["publish"].script(t)
	for _, promised := range []string{"install.yaml", "install-combined.yaml", "SHA256SUMS", "SHA256SUMS.sigstore.json"} {
		if !strings.Contains(policy, promised) || !strings.Contains(script, "dist/"+promised) && !strings.Contains(script, "> "+promised) {
			t.Errorf("SECURITY.md or the release workflow lacks %s", promised)
		}
	}
	for _, line := range []string{
		`bin/cosign sign --yes "${cosign_options[@]}" "$IMAGE@$digest"`,
		`bin/cosign attest --yes "${cosign_options[@]}" --type slsaprovenance1 --predicate bin/provenance.json "$IMAGE@$digest"`,
		`bin/cosign attest --yes "${cosign_options[@]}" --type spdxjson --predicate dist/sbom-amd64.spdx.json "$IMAGE@$digest"`,
		`bin/cosign attest --yes "${cosign_options[@]}" --type spdxjson --predicate dist/sbom-arm64.spdx.json "$IMAGE@$digest"`,
		`bin/helm push "${helm_options[@]}" "dist/tollkeeper-${version#v}.tgz" "oci://$CHARTS"`,
		`bin/cosign sign --yes "${cosign_options[@]}" "$CHARTS/tollkeeper@$(bin/crane digest "$CHARTS/tollkeeper:${version#v}")"`,
		`bin/cosign sign-blob --yes "${cosign_options[@]}" --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS`,
	} {
		if !strings.Contains(jobs["publish"].script(t), line+"\n") {
			t.Errorf("the release does not run %s", line)
		}
	}
}

// The job with the identity that signs compiles and runs four tools and nothing else, apart from words of the shell. It signs what a job
// without any right built: the image has the digest that this job found before it ran the code of others.
func TestTheJobThatSignsBuildsNothing(t *testing.T) {
	want := map[string]map[string]string{
		"check":   {"contents": "read"},
		"build":   {"contents": "read"},
		"publish": {"contents": "write", "packages": "write", "id-token": "write"},
	}
	got := map[string]map[string]string{}
	for name, job := range releaseJobs(t) {
		got[name] = job.Permissions
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "actions/setup-go@") && step.With["cache"] != false {
				t.Errorf("%s uses a cache, to which other workflows can write", name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the rights of the jobs (-want +got):\n%s", diff)
	}
	if text := read(t, ".github/workflows/release.yml"); !strings.Contains(text, "\npermissions: {}\n") {
		t.Error("jobs have rights by default")
	}
	publish := releaseJobs(t)["publish"].script(t)
	publish = regexp.MustCompile(`(?s)jq -n '.*?'`).ReplaceAllString(publish, "jq") // its program is data for us
	commands := map[string]bool{}
	for line := range strings.Lines(publish) {
		for _, command := range regexp.MustCompile(`\$\(|&& |\| |; `).Split(strings.TrimSpace(line), -1) {
			if words := strings.Fields(strings.TrimLeft(command, "(\"")); len(words) > 0 && !strings.Contains(words[0], "=") {
				commands[words[0]] = true
			}
		}
	}
	allowed := []string{":", "bin/cosign", "bin/crane", "bin/helm", "cd", "dirname", "echo", "gh", "jq", "make", "read", "rm", "set", "sha256sum", "test"}
	if diff := cmp.Diff(allowed, slices.Sorted(maps.Keys(commands))); diff != "" {
		t.Errorf("the job that signs runs (-want +got):\n%s", diff)
	}
	if makes := regexp.MustCompile(`(?m)^make .*$`).FindAllString(publish, -1); !slices.Equal(makes, []string{"make bin/crane bin/cosign bin/helm"}) {
		t.Errorf("the job that signs makes %q", makes)
	}
	if !strings.Contains(publish, "echo \"${digest#sha256:}  dist/image/index.json\" | sha256sum --check\nbin/crane push ") {
		t.Error("the image is pushed without a comparison with the digest that was built")
	}
}

// No build names an image by a tag, which can be moved: the image is made by Go's toolchain from modules in go.sum. The
// exceptions are images that a workflow names nevertheless, each with the reason.
func TestNoImageIsNamedByATag(t *testing.T) {
	exceptions := map[string]string{} // none
	byDigest := regexp.MustCompile(`^\S+@sha256:[0-9a-f]{64}$`)
	accepted := func(image string) bool { return byDigest.MatchString(image) || exceptions[image] != "" }
	stages := regexp.MustCompile(`(?mi)^FROM\s+(?:--\S+\s+)*(\S+)`).FindAllStringSubmatch(read(t, "Dockerfile"), -1)
	for _, stage := range stages {
		if stage[1] != "scratch" && !accepted(stage[1]) {
			t.Errorf("the Dockerfile begins with %s: want scratch, or a digest", stage[1])
		}
	}
	if len(stages) == 0 || strings.Contains(read(t, "Dockerfile"), "syntax=") || strings.Contains(read(t, "Dockerfile"), "--from=") {
		t.Error("the Dockerfile has no stage, or names another image for its syntax or its files")
	}
	for name, text := range workflows(t) {
		for _, image := range regexp.MustCompile(`(?m)^\s*(?:- )?(?:image|container): *(\S+)|docker://(\S+)|docker pull (\S+)`).FindAllStringSubmatch(text, -1) {
			if image := image[1] + image[2] + image[3]; !accepted(image) {
				t.Errorf("%s uses the image %s: want a digest", name, image)
			}
		}
		// These fetch an image by a tag: of BuildKit, of emulators, of a scanner.
		for _, fetches := range []string{"buildx", "setup-qemu-action", "binfmt", "--sbom", "--provenance", "services:"} {
			if strings.Contains(text, fetches) {
				t.Errorf("%s contains %q, which runs an image that a tag names", name, fetches)
			}
		}
	}
}

// Modules that come by others, such as chi with mailgun-go, are kept current too.
func TestIndirectModulesAreKeptCurrent(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string              `json:"package-ecosystem"`
			Directories []string            `json:"directories"`
			Allow       []map[string]string `json:"allow"`
		} `json:"updates"`
	}
	if err := yaml.Unmarshal([]byte(read(t, ".github/dependabot.yml")), &config); err != nil {
		t.Fatal(err)
	}
	for _, update := range config.Updates {
		if update.Ecosystem == "gomod" && slices.Contains(update.Directories, "/") &&
			cmp.Equal([]map[string]string{{"dependency-type": "all"}}, update.Allow) {
			return
		}
	}
	t.Errorf("nothing updates the indirect modules: %+v", config.Updates)
}
