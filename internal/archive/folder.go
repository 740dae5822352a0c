package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gocloud.dev/blob/fileblob"
)

// folder is a store in a folder. It writes files itself: fileblob does not wait until the disk has them, and two processes may
// both create a file that must not exist.
type folder struct {
	bucket
	root string
}

// openFolder opens the folder. If it is not there, it is made, or the error is errNoBucket.
func openFolder(root string, creates bool) (folder, error) {
	if _, err := os.Stat(root); !creates && errors.Is(err, fs.ErrNotExist) {
		return folder{}, errNoBucket
	}
	opened, err := fileblob.OpenBucket(root, &fileblob.Options{CreateDir: creates, Metadata: fileblob.MetadataDontWrite, NoTempDir: true})
	if err != nil {
		return folder{}, err
	}
	return folder{bucket: bucket{opened}, root: root}, nil
}

// temporary begins the name of a file that is being written. A process that is killed leaves it.
const temporary = ".writing-"

// list leaves files out that are being written.
func (f folder) list(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for found, err := range f.bucket.list(ctx, prefix) {
			if !strings.HasPrefix(path.Base(found), temporary) && !yield(found, err) {
				return
			}
		}
	}
}

// clean deletes what killed processes have left: no write takes an hour.
func (f folder) clean(now time.Time) error {
	return filepath.WalkDir(f.root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(entry.Name(), temporary) {
			return err
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < time.Hour {
			return nil //nolint:nilerr // another process has just given it its name
		}
		return os.Remove(at)
	})
}

func (f folder) create(_ context.Context, path string, content []byte) error {
	return f.place(path, content, func(written, final string) error {
		err := os.Link(written, final)
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
func (f folder) place(path string, content []byte, name func(written, final string) error) error {
	final := filepath.Join(f.root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(final), 0o750); err != nil {
		return err
	}
	written, err := os.CreateTemp(filepath.Dir(final), temporary+"*")
	if err != nil {
		return err
	}
	defer os.Remove(written.Name())
	_, err = written.Write(content)
	if err := errors.Join(err, written.Sync(), written.Close()); err != nil {
		return err
	}
	if err := name(written.Name(), final); err != nil {
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
