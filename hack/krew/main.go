// Command krew packs the kubectl plugin's binaries into archives, and writes the manifest by which krew installs them. The same
// binaries give the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	homepage = "https://github.com/tollkeeper/tollkeeper"
	binary   = "kubectl-tollkeeper"
	license  = "LICENSE"
)

// manifest is a krew plugin: see https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/.
type manifest struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   map[string]string `json:"metadata"`
	Spec       spec              `json:"spec"`
}

type spec struct {
	Version          string     `json:"version"`
	Homepage         string     `json:"homepage"`
	ShortDescription string     `json:"shortDescription"`
	Description      string     `json:"description"`
	Caveats          string     `json:"caveats"`
	Platforms        []platform `json:"platforms"`
}

type platform struct {
	Selector selector `json:"selector"`
	URI      string   `json:"uri"`
	SHA256   string   `json:"sha256"`
	Bin      string   `json:"bin"`
	Files    []file   `json:"files"`
}

type selector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

type file struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func main() {
	version := flag.String("version", "", "the release, such as v1.2.3")
	out := flag.String("out", "dist/krew", "the folder to write to")
	flag.Parse()
	if err := run(*version, *out, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "krew: %v\n", err)
		os.Exit(1)
	}
}

// semantic is what krew accepts as a version.
var semantic = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// run packs binaries, each given as os-arch=path.
func run(version, out string, binaries []string) error {
	if !semantic.MatchString(version) {
		return fmt.Errorf("the version %q is not a semantic one: give VERSION=v1.2.3", version)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	m := manifest{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2", Kind: "Plugin", Metadata: map[string]string{"name": "tollkeeper"},
		Spec: spec{
			Version: version, Homepage: homepage, ShortDescription: "Say why a Stripe customer has access, and change it",
			Description: "Asks the Tollkeeper operator why a customer of Stripe has access to your service or not, what changes that,\n" +
				"and what happened. Overrides access for a time, retries failed events, and checks the installation.\n",
			Caveats: "Needs the operator (" + homepage + ") in the cluster, and the ClusterRole tollkeeper-support-role\n" +
				"for the commands that change something.\n",
		},
	}
	for _, argument := range binaries {
		target, path, found := strings.Cut(argument, "=")
		system, arch, isTarget := strings.Cut(target, "-")
		if !found || !isTarget {
			return fmt.Errorf("%q is not like linux-amd64=path", argument)
		}
		packed, err := pack(system, arch, path, out)
		if err != nil {
			return err
		}
		packed.URI = homepage + "/releases/download/" + version + "/" + packed.URI
		m.Spec.Platforms = append(m.Spec.Platforms, packed)
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "tollkeeper.yaml"), text, 0o644)
}

// pack writes the archive of one platform. The URI of the result is its name.
func pack(system, arch, path, out string) (platform, error) {
	bin := binary
	if system == "windows" {
		bin += ".exe"
	}
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	tarball := tar.NewWriter(compressed)
	for _, entry := range []struct {
		name, path string
		mode       int64
	}{{bin, path, 0o755}, {license, license, 0o644}} {
		content, err := os.ReadFile(entry.path)
		if err != nil {
			return platform{}, err
		}
		if err := tarball.WriteHeader(&tar.Header{Name: entry.name, Mode: entry.mode, Size: int64(len(content)), Format: tar.FormatUSTAR}); err != nil {
			return platform{}, err
		}
		if _, err := tarball.Write(content); err != nil {
			return platform{}, err
		}
	}
	for _, end := range []func() error{tarball.Close, compressed.Close} {
		if err := end(); err != nil {
			return platform{}, err
		}
	}
	name := fmt.Sprintf("%s_%s_%s.tar.gz", binary, system, arch)
	sum := sha256.Sum256(archive.Bytes())
	return platform{
		Selector: selector{MatchLabels: map[string]string{"os": system, "arch": arch}}, URI: name, SHA256: hex.EncodeToString(sum[:]), Bin: bin,
		Files: []file{{bin, "."}, {license, "."}},
	}, os.WriteFile(filepath.Join(out, name), archive.Bytes(), 0o644)
}
