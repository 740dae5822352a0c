// Package volume makes folders that change as the kubelet changes a mounted Secret.
package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Volume is the folder of a mounted Secret. Its files are links through ..data, which is a link to a folder with the files of one
// version, and is replaced at once. See https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter.
type Volume struct {
	Folder  string
	version int
}

// New makes a Volume with the files, by name.
func New(t *testing.T, files map[string]string) *Volume {
	t.Helper()
	v := &Volume{Folder: t.TempDir()}
	v.Set(t, files)
	return v
}

// Set replaces all files at once.
func (v *Volume) Set(t *testing.T, files map[string]string) {
	t.Helper()
	if err := v.set(files); err != nil {
		t.Error(err) // may be called by another goroutine than the test's
	}
}

func (v *Volume) set(files map[string]string) error {
	v.version++
	version, link := fmt.Sprintf("..%d", v.version), filepath.Join(v.Folder, "..data_tmp")
	if err := os.Mkdir(filepath.Join(v.Folder, version), 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(v.Folder, version, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.Symlink(version, link); err != nil {
		return err
	}
	if err := os.Rename(link, filepath.Join(v.Folder, "..data")); err != nil {
		return err
	}
	for name := range files {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(v.Folder, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	entries, err := os.ReadDir(v.Folder)
	for _, entry := range entries {
		if _, stays := files[entry.Name()]; !stays && !strings.HasPrefix(entry.Name(), "..") {
			err = errors.Join(err, os.Remove(filepath.Join(v.Folder, entry.Name())))
		}
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(v.Folder, fmt.Sprintf("..%d", v.version-1))))
}
