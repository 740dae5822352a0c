package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// The manifest has krew's shape, and its archives hold what it says.
func TestTheManifestIsOneOfKrew(t *testing.T) {
	t.Chdir("../..") // for the license
	out := t.TempDir()
	binary := filepath.Join(out, "binary")
	if err := os.WriteFile(binary, []byte("a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run("v1.2.3", out, []string{"linux-amd64=" + binary, "windows-amd64=" + binary}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "tollkeeper.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.UnmarshalStrict(text, &m); err != nil {
		t.Fatal(err)
	}
	// What krew validates: https://github.com/kubernetes-sigs/krew/blob/master/internal/index/validation/validate.go
	switch {
	case m.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || m.Kind != "Plugin":
		t.Errorf("it is a %s of %s", m.Kind, m.APIVersion)
	case !regexp.MustCompile(`^[\w-]+$`).MatchString(m.Metadata["name"]):
		t.Errorf("its name is %q", m.Metadata["name"])
	case m.Spec.ShortDescription == "" || len(m.Spec.ShortDescription) > 60 || m.Spec.Version != "v1.2.3":
		t.Errorf("its description and version are %q and %q", m.Spec.ShortDescription, m.Spec.Version)
	case len(m.Spec.Platforms) != 2:
		t.Fatalf("it has %d platforms", len(m.Spec.Platforms))
	}
	for i, want := range []map[string]string{{"os": "linux", "arch": "amd64"}, {"os": "windows", "arch": "amd64"}} {
		p := m.Spec.Platforms[i]
		if diff := cmp.Diff(want, p.Selector.MatchLabels); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		archive, err := os.ReadFile(filepath.Join(out, path.Base(p.URI)))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != p.SHA256 {
			t.Errorf("%s has another checksum", p.URI)
		}
		names := namesIn(t, archive)
		if diff := cmp.Diff([]string{p.Files[0].From, p.Files[1].From}, names); diff != "" || names[0] != p.Bin {
			t.Errorf("the archive (-manifest +archive):\n%s", diff)
		}
	}
	for _, version := range []string{"", "1.2.3", "devel", "abc123-dirty"} {
		if run(version, out, nil) == nil {
			t.Errorf("krew would refuse the version %q", version)
		}
	}
}

func namesIn(t *testing.T, archive []byte) (names []string) {
	t.Helper()
	expanded, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for reader := tar.NewReader(expanded); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}
