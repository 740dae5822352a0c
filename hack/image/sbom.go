package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// document is an SBOM in SPDX 2.3: https://spdx.github.io/spdx-spec/v2.3/.
type document struct {
	SPDXVersion       string         `json:"spdxVersion"`
	DataLicense       string         `json:"dataLicense"`
	SPDXID            string         `json:"SPDXID"`
	Name              string         `json:"name"`
	DocumentNamespace string         `json:"documentNamespace"`
	CreationInfo      creation       `json:"creationInfo"`
	Packages          []spdxPackage  `json:"packages"`
	Relationships     []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	Name             string      `json:"name"`
	SPDXID           string      `json:"SPDXID"`
	VersionInfo      string      `json:"versionInfo"`
	DownloadLocation string      `json:"downloadLocation"`
	FilesAnalyzed    bool        `json:"filesAnalyzed"`
	Checksums        []checksum  `json:"checksums,omitempty"`
	SourceInfo       string      `json:"sourceInfo,omitempty"`
	ExternalRefs     []reference `json:"externalRefs"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const operatorID = "SPDXRef-operator"

// writeSBOM lists what the Go toolchain says is in the binary: the operator, the standard library and every module.
func writeSBOM(r release, path, arch, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(sbom(r, arch, digestOf(content), info), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

func sbom(r release, arch, digest string, info *debug.BuildInfo) document {
	sum := strings.TrimPrefix(digest, "sha256:")
	operator := module(info.Main.Path, r.version, "")
	operator.SPDXID, operator.Checksums = operatorID, []checksum{{Algorithm: "SHA256", Value: sum}}
	d := document{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT",
		Name:              fmt.Sprintf("tollkeeper %s linux/%s", r.version, arch),
		DocumentNamespace: "https://github.com/tollkeeper/tollkeeper/spdx/" + sum,
		CreationInfo:      creation{Created: r.created.Format(time.RFC3339), Creators: []string{"Tool: tollkeeper-hack-image"}},
		Packages:          []spdxPackage{operator, module("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "")},
		Relationships:     []relationship{{"SPDXRef-DOCUMENT", "DESCRIBES", operatorID}},
	}
	for _, dependency := range info.Deps {
		switch replaced := dependency.Replace; {
		case replaced == nil:
		case strings.HasPrefix(replaced.Path, "."): // a module of this repository, at the same commit
			dependency.Version = r.version
		default:
			dependency = replaced
		}
		d.Packages = append(d.Packages, module(dependency.Path, dependency.Version, dependency.Sum))
	}
	for i := range d.Packages[1:] {
		p := &d.Packages[i+1]
		p.SPDXID = fmt.Sprintf("SPDXRef-module-%d", i)
		d.Relationships = append(d.Relationships, relationship{operatorID, "DEPENDS_ON", p.SPDXID})
	}
	return d
}

// module describes a Go module. Its sum is the one in go.sum, a hash of the module's files.
func module(path, version, sum string) spdxPackage {
	p := spdxPackage{
		Name: path, VersionInfo: version, DownloadLocation: "NOASSERTION",
		ExternalRefs: []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}},
	}
	if sum != "" {
		p.SourceInfo = "go.sum: " + sum
	}
	return p
}
