package repository

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// stepOf returns what the step of the job runs.
func stepOf(t *testing.T, job job, name string) string {
	t.Helper()
	for _, step := range job.Steps {
		if step.Name == name {
			return step.Run
		}
	}
	t.Fatalf("no step is named %q", name)
	return ""
}

// inlined is the script that the step calls, to be run in the current folder with the stand-ins of the shell that it is part of.
func inlined(t *testing.T, job job, name string) string {
	t.Helper()
	step := stepOf(t, job, name)
	_, arguments, _ := strings.Cut(step, " ")
	return "set -- " + arguments + "\n" + strings.ReplaceAll(linesOf(t, step), `cd "$(dirname "$0")/../.."`, ":") + "\n"
}

// A dry run of the release, with programs of a few bytes: what the krew manifest names is among the files that are published,
// under these names, with these checksums, for each platform. SHA256SUMS has them, too.
func TestAReleaseHasWhatTheKrewManifestNames(t *testing.T) {
	const version = "v1.2.3"
	jobs, folder := releaseJobs(t), t.TempDir()
	krew := filepath.Join(folder, "krew")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", krew, "./hack/krew")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	platforms := strings.Fields(regexp.MustCompile(`(?m)^PLATFORMS \?= (.*)$`).FindStringSubmatch(read(t, "Makefile"))[1])
	// make packs what the Makefile says; here are the stand-ins for make and cosign, and what other steps leave behind.
	script := `
make() {
  [[ $1 == krew ]] || { touch dist/install.yaml; return; }
  [[ $2 == VERSION=* && $# == 2 ]]
  for platform in ` + strings.Join(platforms, " ") + `; do echo "a program for $platform" > "bin/$platform"; done
  ./krew -version "${2#VERSION=}" -out dist/krew ` + regexp.MustCompile(`\S+`).ReplaceAllString(strings.Join(platforms, " "), "$0=bin/$0") + `
}
mkdir -p bin dist/image
echo "#!/bin/sh
touch dist/SHA256SUMS.sigstore.json" > bin/cosign
chmod +x bin/cosign
touch LICENSE dist/image/index.json
GITHUB_REF_NAME=` + version + ` DIGEST=sha256:x
` + inlined(t, jobs["build"], "Write the manifests, the chart and the kubectl plugin") + inlined(t, jobs["publish"], "Sign the release files")
	run := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	run.Dir = folder
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	if published := stepOf(t, jobs["publish"], "Publish the release"); !strings.HasSuffix(strings.TrimSpace(published), " dist/*") {
		t.Errorf("the release publishes other files than dist/*: %s", published)
	}
	var manifest struct {
		Spec struct {
			Version   string
			Platforms []struct{ URI, SHA256 string }
		}
	}
	if err := yaml.Unmarshal(published(t, folder, "tollkeeper.yaml"), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Spec.Version != version || len(manifest.Spec.Platforms) != len(platforms) || len(platforms) < 5 {
		t.Errorf("the manifest is of %s and has %d of %d platforms", manifest.Spec.Version, len(manifest.Spec.Platforms), len(platforms))
	}
	sums := string(published(t, folder, "SHA256SUMS"))
	for _, p := range manifest.Spec.Platforms {
		name := path.Base(p.URI)
		if want := "https://github.com/tollkeeper/tollkeeper/releases/download/" + version + "/" + name; p.URI != want {
			t.Errorf("the manifest names %s, want %s", p.URI, want)
		}
		if sum := sha256.Sum256(published(t, folder, name)); hex.EncodeToString(sum[:]) != p.SHA256 {
			t.Errorf("%s has another checksum than the manifest says", name)
		}
		if !strings.Contains(sums, p.SHA256+"  "+name+"\n") {
			t.Errorf("SHA256SUMS lacks %s", name)
		}
	}
	if !strings.Contains(sums, "  tollkeeper.yaml\n") {
		t.Error("SHA256SUMS lacks the manifest")
	}
	entries, err := os.ReadDir(filepath.Join(folder, "dist"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() { // gh cannot publish it
			t.Errorf("dist has the folder %s", entry.Name())
		}
	}
}

// published is a file of the release.
func published(t *testing.T, folder, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, "dist", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
