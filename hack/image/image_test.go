package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The image of each platform is the binary alone, and every digest and size is right.
func TestTheImageIsTheBinary(t *testing.T) {
	binaries := map[string][]byte{"amd64": []byte("a binary"), "arm64": []byte("another binary")}
	folder := t.TempDir()
	l := layout{folder: folder}
	r := release{version: "v1.0.0", revision: "4f2a", created: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	for _, arch := range []string{"amd64", "arm64"} {
		if err := l.add(r, arch, written(t, binaries[arch])); err != nil {
			t.Fatal(err)
		}
	}
	digest, err := l.finish()
	if err != nil {
		t.Fatal(err)
	}
	if got := digestOf(contentOf(t, filepath.Join(folder, "index.json"))); got != digest {
		t.Errorf("the digest is %s, want that of index.json, %s", digest, got)
	}
	blob := func(d descriptor) []byte {
		content := contentOf(t, filepath.Join(folder, "blobs", "sha256", d.Digest[len("sha256:"):]))
		if digestOf(content) != d.Digest || len(content) != d.Size {
			t.Errorf("the blob %s of %d bytes has the digest %s and %d bytes", d.Digest, d.Size, digestOf(content), len(content))
		}
		return content
	}
	images := parse[index](t, contentOf(t, filepath.Join(folder, "index.json"))).Manifests
	if len(images) != 2 {
		t.Fatalf("the index lists %d images, want 2", len(images))
	}
	for _, image := range images {
		m := parse[manifest](t, blob(image))
		unpacked := unzip(t, blob(m.Layers[0]))
		if diff := cmp.Diff(binaries[image.Platform.Architecture], onlyFile(t, unpacked)); diff != "" {
			t.Errorf("%s: the file (-want +got):\n%s", image.Platform.Architecture, diff)
		}
		want := imageConfig{
			platform: platform{Architecture: image.Platform.Architecture, OS: "linux"}, Created: r.created,
			Config: process{User: "65532:65532", Entrypoint: []string{"/manager"}, Labels: map[string]string{
				"org.opencontainers.image.title": "tollkeeper", "org.opencontainers.image.source": "https://github.com/tollkeeper/tollkeeper",
				"org.opencontainers.image.version": "v1.0.0", "org.opencontainers.image.revision": "4f2a",
			}},
			RootFS: rootFS{Type: "layers", DiffIDs: []string{digestOf(unpacked)}},
		}
		if diff := cmp.Diff(want, parse[imageConfig](t, blob(m.Config)), cmp.AllowUnexported(imageConfig{})); diff != "" {
			t.Errorf("the configuration (-want +got):\n%s", diff)
		}
	}
}

// Everyone who builds a release again with the same Go gets its digest, whenever and wherever.
func TestTheDigestFollowsFromTheBinary(t *testing.T) {
	digest := func(content string, builtAt time.Time) string {
		binary := written(t, []byte(content))
		if err := os.Chtimes(binary, builtAt, builtAt); err != nil {
			t.Fatal(err)
		}
		l := layout{folder: t.TempDir()}
		if err := l.add(release{version: "v1.0.0"}, "amd64", binary); err != nil {
			t.Fatal(err)
		}
		d, err := l.finish()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	now, earlier := digest("a binary", time.Now()), digest("a binary", time.Now().Add(-time.Hour))
	if now != earlier {
		t.Errorf("the digest is %s, and an hour earlier %s", now, earlier)
	}
	if now == digest("another", time.Now()) {
		t.Error("two binaries have one digest")
	}
}

// The SBOM lists the operator, the standard library and every module, as it was compiled in.
func TestTheSBOMListsEveryModule(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Path: "github.com/tollkeeper/tollkeeper", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "k8s.io/api", Version: "v0.37.0", Sum: "h1:api"},
			{Path: "github.com/tollkeeper/tollkeeper/api", Version: "v0.0.0", Replace: &debug.Module{Path: "./api", Version: "(devel)"}},
			{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.0.1", Sum: "h1:fork"}},
		},
	}
	d := sbom(release{version: "v1.0.0"}, "amd64", digestOf([]byte("a binary")), info)
	var got []string
	known := map[string]bool{"SPDXRef-DOCUMENT": true}
	for _, p := range d.Packages {
		got = append(got, p.ExternalRefs[0].Locator+" "+p.SourceInfo)
		if p.SPDXID == "" || known[p.SPDXID] {
			t.Errorf("a package has no id of its own: %q", p.SPDXID)
		}
		known[p.SPDXID] = true
	}
	want := []string{
		"pkg:golang/github.com/tollkeeper/tollkeeper@v1.0.0 ", "pkg:golang/stdlib@1.26.8 ",
		"pkg:golang/k8s.io/api@v0.37.0 go.sum: h1:api",
		"pkg:golang/github.com/tollkeeper/tollkeeper/api@v1.0.0 ", "pkg:golang/example.com/fork@v1.0.1 go.sum: h1:fork",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the packages (-want +got):\n%s", diff)
	}
	if len(d.Relationships) != len(want) {
		t.Errorf("%d relationships, want %d", len(d.Relationships), len(want))
	}
	for _, r := range d.Relationships {
		if !known[r.Element] || !known[r.Related] {
			t.Errorf("the relationship %v is with an unknown package", r)
		}
	}
}

// What the command writes: one image, and an SBOM for each platform.
func TestTheCommand(t *testing.T) {
	self, err := os.Executable() // a Go binary
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := run([]string{"-out", folder, "-version", "v1.0.0", "-created", "1761955200", "amd64=" + self, "arm64=" + self}); err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		d := parse[document](t, contentOf(t, filepath.Join(folder, "sbom-"+arch+".spdx.json")))
		if want := digestOf(contentOf(t, self)); "sha256:"+d.Packages[0].Checksums[0].Value != want || d.CreationInfo.Created != "2025-11-01T00:00:00Z" {
			t.Errorf("%s: the binary is %v of %s, want %s", arch, d.Packages[0].Checksums, d.CreationInfo.Created, want)
		}
	}
	if images := parse[index](t, contentOf(t, filepath.Join(folder, "image", "index.json"))).Manifests; len(images) != 2 {
		t.Errorf("the image has %d platforms, want 2", len(images))
	}
	if err := run([]string{"-out", folder}); err == nil {
		t.Error("an image without a binary is no error")
	}
}

func written(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func parse[T any](t *testing.T, text []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func unzip(t *testing.T, packed []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return unpacked
}

// onlyFile returns the content of /manager, which must be executable and the only file of the archive.
func onlyFile(t *testing.T, archive []byte) []byte {
	t.Helper()
	files := tar.NewReader(bytes.NewReader(archive))
	header, err := files.Next()
	if err != nil || header.Name != "manager" || header.FileInfo().Mode() != 0o555 {
		t.Fatalf("the first file is %+v: %v", header, err)
	}
	content, err := io.ReadAll(files)
	if err != nil {
		t.Fatal(err)
	}
	if next, err := files.Next(); err != io.EOF {
		t.Errorf("another file is %+v: %v", next, err)
	}
	return content
}

// An image that takes too long to download is refused.
func TestTheImageIsSmall(t *testing.T) {
	for limit, want := range map[int]bool{0: true, 1000: true, 100: false} {
		l := layout{folder: t.TempDir(), limit: limit}
		if err := l.add(release{version: "v1.0.0"}, "amd64", written(t, []byte("a binary"))); (err == nil) != want {
			t.Errorf("with the limit %d: %v", limit, err)
		}
	}
}
