package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
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
		err := f.walk(prefix, func(path string, entry fs.DirEntry) error {
			if !strings.HasPrefix(entry.Name(), temporary) && !yield(path, nil) {
				return fs.SkipAll
			}
			return ctx.Err()
		})
		if err != nil {
			yield("", err)
		}
	}
}

// clean deletes what killed processes have left: no write takes ten minutes. isClean is false if there are younger files.
func (f folder) clean(now time.Time) (isClean bool, err error) {
	isClean = true
	for _, folder := range []string{eventsFolder, personalFolder, batchesFolder} {
		err := f.walk(folder, func(path string, entry fs.DirEntry) error {
			if !strings.HasPrefix(entry.Name(), temporary) {
				return nil
			}
			info, err := entry.Info()
			switch {
			case err != nil: // another process has just given it its name
				return nil //nolint:nilerr // as said
			case now.Sub(info.ModTime()) < 10*time.Minute:
				isClean = false
				return nil
			default:
				return os.Remove(filepath.Join(f.root, filepath.FromSlash(path)))
			}
		})
		if err != nil {
			return false, err
		}
	}
	return isClean, nil
}

// walk calls use with the files below a folder. fileblob passes over folders that it cannot read, and an erasure would leave what is
// in them. Only what is no part of the archive is passed over, such as lost+found.
func (f folder) walk(below string, use func(path string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(filepath.Join(f.root, filepath.FromSlash(below)), func(at string, entry fs.DirEntry, err error) error {
		relative, outside := filepath.Rel(f.root, at)
		if outside != nil {
			return outside
		}
		path := filepath.ToSlash(relative)
		switch {
		case errors.Is(err, fs.ErrNotExist): // nothing was written there yet
			return nil
		case errors.Is(err, fs.ErrPermission) && !isOfArchive(path+"/"):
			return fs.SkipDir
		case err != nil || entry.IsDir():
			return err
		default:
			return use(path, entry)
		}
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
