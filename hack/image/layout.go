package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor points to a blob: https://github.com/opencontainers/image-spec/blob/main/descriptor.md.
type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int       `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// index is the list of the platforms' images. Its digest is the digest of the release.
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type imageConfig struct {
	platform
	Created time.Time `json:"created"`
	Config  process   `json:"config"`
	RootFS  rootFS    `json:"rootfs"`
}

type process struct {
	User       string            `json:"User"`
	Entrypoint []string          `json:"Entrypoint"`
	Labels     map[string]string `json:"Labels"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// layout is an OCI image layout that is being written.
type layout struct {
	folder string
	limit  int // what a node may have to download for one platform, in bytes; 0 for any number
	images []descriptor
}

// add adds the image of one architecture.
func (l *layout) add(r release, arch, binary string) error {
	on := platform{Architecture: arch, OS: "linux"}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	unpacked, packed, err := layerOf(content)
	if err != nil {
		return err
	}
	layer, err := l.blob(layerType, packed)
	if err != nil {
		return err
	}
	config, err := l.jsonBlob(configType, imageConfig{
		platform: on, Created: r.created,
		Config: process{User: "65532:65532", Entrypoint: []string{"/manager"}, Labels: map[string]string{
			"org.opencontainers.image.title":    "tollkeeper",
			"org.opencontainers.image.source":   "https://github.com/tollkeeper/tollkeeper",
			"org.opencontainers.image.version":  r.version,
			"org.opencontainers.image.revision": r.revision,
		}},
		RootFS: rootFS{Type: "layers", DiffIDs: []string{digestOf(unpacked)}},
	})
	if err != nil {
		return err
	}
	if size := layer.Size + config.Size; l.limit > 0 && size >= l.limit {
		return fmt.Errorf("it takes %d bytes to download, want less than %d", size, l.limit)
	}
	image, err := l.jsonBlob(manifestType, manifest{SchemaVersion: 2, MediaType: manifestType, Config: config, Layers: []descriptor{layer}})
	image.Platform = &on
	l.images = append(l.images, image)
	return err
}

// finish writes the index, and returns its digest.
func (l *layout) finish() (string, error) {
	if len(l.images) == 0 {
		return "", errors.New("no binary is given: want arguments such as amd64=bin/manager-linux-amd64")
	}
	content, err := json.Marshal(index{SchemaVersion: 2, MediaType: indexType, Manifests: l.images})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(l.folder, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600); err != nil {
		return "", err
	}
	return digestOf(content), os.WriteFile(filepath.Join(l.folder, "index.json"), content, 0o600)
}

// layerOf returns a tar archive with the binary as /manager, and the same archive compressed. Neither depends on the
// time or on the user who runs this.
func layerOf(binary []byte) (unpacked, packed []byte, err error) {
	var archive, compressed bytes.Buffer
	files := tar.NewWriter(&archive)
	header := tar.Header{Typeflag: tar.TypeReg, Name: "manager", Mode: 0o555, Size: int64(len(binary)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := files.WriteHeader(&header); err != nil {
		return nil, nil, err
	}
	if _, err := files.Write(binary); err != nil {
		return nil, nil, err
	}
	if err := files.Close(); err != nil {
		return nil, nil, err
	}
	zipper := gzip.NewWriter(&compressed)
	if _, err := zipper.Write(archive.Bytes()); err != nil {
		return nil, nil, err
	}
	if err := zipper.Close(); err != nil { // it writes what it still holds
		return nil, nil, err
	}
	return archive.Bytes(), compressed.Bytes(), nil
}

func (l *layout) jsonBlob(mediaType string, value any) (descriptor, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return l.blob(mediaType, content)
}

func (l *layout) blob(mediaType string, content []byte) (descriptor, error) {
	folder := filepath.Join(l.folder, "blobs", "sha256")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return descriptor{}, err
	}
	digest := digestOf(content)
	err := os.WriteFile(filepath.Join(folder, digest[len("sha256:"):]), content, 0o600)
	return descriptor{MediaType: mediaType, Digest: digest, Size: len(content)}, err
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
