package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

var (
	errNotFound = errors.New("not found")
	errNoBucket = errors.New("there is no such bucket: check --archive-url")
	errExists   = errors.New("exists already")
	errDenied   = errors.New("the bucket does not permit it")
)

// requestTimeout bounds one request: a bucket that does not answer must not hold the writer up for ever.
const requestTimeout = 2 * time.Minute

// store is what the archive needs of a bucket.
type store interface {
	// read gives the whole of an object, or errNotFound.
	read(ctx context.Context, path string) ([]byte, error)
	// create writes an object that is not there yet; errExists if it is.
	create(ctx context.Context, path string, content []byte) error
	// write writes an object, over the one that is there.
	write(ctx context.Context, path string, content []byte) error
	// remove deletes an object. It may be gone already.
	remove(ctx context.Context, path string) error
	// list gives the paths that begin with a prefix, in alphabetical order.
	list(ctx context.Context, prefix string) iter.Seq2[string, error]
	close() error
}

// bucket is a store in a bucket of gocloud.dev/blob.
type bucket struct{ *blob.Bucket }

func (b bucket) read(ctx context.Context, path string) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	reader, err := b.NewReader(bounded, path, nil)
	if err != nil {
		return nil, b.lacking(ctx, path, err)
	}
	defer reader.Close()
	if reader.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, and no file of an archive has more than %d", path, reader.Size(), maxFile)
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxFile))
	return content, explain(path, err)
}

// lacking explains the error of a read. If it may or may not mean that the object is not there, the list of the bucket decides:
// Google's client makes the same error of every 404, even of a proxy's.
func (b bucket) lacking(ctx context.Context, path string, err error) error {
	if gcerrors.Code(err) != gcerrors.NotFound || meaning(err) != nil {
		return explain(path, err)
	}
	for listed, listErr := range b.list(ctx, path) {
		if listErr != nil {
			return listErr
		}
		if listed == path {
			return explain(path, err)
		}
	}
	return fmt.Errorf("%s: %w", path, errNotFound)
}

func (b bucket) create(ctx context.Context, path string, content []byte) error {
	return b.put(ctx, path, content, true)
}

func (b bucket) write(ctx context.Context, path string, content []byte) error {
	return b.put(ctx, path, content, false)
}

func (b bucket) put(ctx context.Context, path string, content []byte, ifNotExist bool) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	contentType := "application/zstd"
	if ifNotExist {
		contentType = "application/json"
	}
	return explain(path, b.WriteAll(ctx, path, content, &blob.WriterOptions{ContentType: contentType, IfNotExist: ifNotExist}))
}

func (b bucket) remove(ctx context.Context, path string) error {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := b.Delete(bounded, path)
	if gcerrors.Code(err) == gcerrors.NotFound { // a read says more: Amazon is asked with HEAD, and Google gives no code
		if _, err := b.read(ctx, path); errors.Is(err, errNotFound) {
			return nil
		}
	}
	return explain(path, err)
}

func (b bucket) list(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		objects := b.List(&blob.ListOptions{Prefix: prefix})
		for {
			next, cancel := context.WithTimeout(ctx, requestTimeout)
			object, err := objects.Next(next)
			cancel()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield("", explain(prefix, err))
				return
			case !yield(object.Key, nil):
				return
			}
		}
	}
}

func (b bucket) close() error { return b.Close() }

// shown is an error without the query of the URL that it names: a signature that gives access to the bucket may be in it
// (AZURE_STORAGE_SAS_TOKEN), and errors are logged. It names no object: explain does.
type shown struct{ error }

// named is how an error of gocloud.dev/blob begins: with the object, and a code that package gcerrors has made of what follows.
var named = regexp.MustCompile(`^blob (\(key "[^"]*"\) )?\(code=\w+\): `)

func (s shown) Unwrap() error { return s.error }

func (s shown) Error() string {
	text := named.ReplaceAllString(s.error.Error(), "")
	failed, isOfURL := errors.AsType[*url.Error](s.error)
	if !isOfURL {
		return text
	}
	if before, query, hasQuery := strings.Cut(failed.URL, "?"); hasQuery {
		text = strings.NewReplacer(failed.URL, before, query, "…").Replace(text)
	}
	return text
}

// explain says what a bucket's error means here, and at which path.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	switch means := meaning(err); {
	case means == nil:
		return fmt.Errorf("%s: %w", path, shown{err})
	case errors.Is(means, errDenied):
		return fmt.Errorf("%s: %w (%w)", path, means, shown{err})
	default:
		return fmt.Errorf("%s: %w", path, means)
	}
}
