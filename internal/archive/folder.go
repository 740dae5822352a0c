package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"gocloud.dev/blob/fileblob"
)

// folder is a store in a folder. It writes files itself: fileblob does not wait until the disk has them, and two processes may
// both create a file that must not exist.
type folder struct {
	bucket
	root string
}

func openFolder(root string) (folder, error) {
	opened, err := fileblob.OpenBucket(root, &fileblob.Options{CreateDir: true, Metadata: fileblob.MetadataDontWrite, NoTempDir: true})
	if err != nil {
		return folder{}, err
	}
	return folder{bucket: bucket{opened}, root: root}, nil
}

func (f folder) create(_ context.Context, path string, content []byte) error {
	return f.place(path, content, func(temporary, final string) error {
		err := os.Link(temporary, final)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, errExists)
		}
		return err
	})
}

func (f folder) write(_ context.Context, path string, content []byte) error {
	return f.place(path, content, os.Rename)
}

// place writes a temporary file, waits until the disk has it, and then gives it its name.
func (f folder) place(path string, content []byte, name func(temporary, final string) error) error {
	final := filepath.Join(f.root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(final), 0o750); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(final), ".writing-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := name(temporary.Name(), final); err != nil {
		return err
	}
	return f.syncFolders(final)
}

// syncFolders makes the names durable, from the file's folder up to the root. Windows does it by itself.
func (f folder) syncFolders(final string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	for at := filepath.Dir(final); len(at) >= len(filepath.Clean(f.root)); at = filepath.Dir(at) {
		opened, err := os.Open(at)
		if err != nil {
			return err
		}
		if err := errors.Join(opened.Sync(), opened.Close()); err != nil {
			return err
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return nil
}
