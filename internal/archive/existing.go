package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
)

// ErrNoArchive means that nothing at the URL is of an archive: no folder, no bucket, or none of an archive's files.
var ErrNoArchive = errors.New("there is no archive")

// OpenExisting opens an archive for reading: as Open, but it creates no folder, and asks the bucket for the first file. The error
// is ErrNoArchive if there is none: a mistyped URL must not look like an archive in which nothing is wrong.
func OpenExisting(ctx context.Context, location string) (*Archive, error) {
	opened, err := openAt(ctx, location, false)
	if errors.Is(err, errNoBucket) {
		return nil, noArchive(location)
	} else if err != nil {
		return nil, err
	}
	isThere, err := opened.isThere(ctx)
	switch {
	case err != nil:
		return nil, errors.Join(err, opened.Close())
	case !isThere:
		return nil, errors.Join(noArchive(location), opened.Close())
	default:
		return opened, nil
	}
}

// isThere reports whether the bucket has a file in one of the archive's folders. One without manifests is an archive that was damaged.
func (a *Archive) isThere(ctx context.Context) (bool, error) {
	for _, folder := range []string{batchesFolder, eventsFolder, personalFolder} {
		switch has, err := a.has(ctx, folder); {
		case errors.Is(err, errNoBucket):
			return false, nil
		case has || err != nil:
			return has, err
		}
	}
	return false, nil
}

// has reports whether the bucket has a file in the folder.
func (a *Archive) has(ctx context.Context, folder string) (bool, error) {
	for _, err := range a.store.list(ctx, folder) {
		return err == nil, err
	}
	return false, nil
}

// Reach asks the bucket for the first manifest. The error says why the bucket cannot be read, such as that there is none. An empty
// bucket is none.
func (a *Archive) Reach(ctx context.Context) error {
	_, err := a.has(ctx, batchesFolder)
	return err
}

// Shown is the URL of an archive without what may be secret; empty if it is no URL.
func Shown(location string) string {
	at, err := url.Parse(location)
	if err != nil {
		return ""
	}
	shown := url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}
	if prefix := at.Query().Get("prefix"); prefix != "" {
		shown.RawQuery = url.Values{"prefix": {prefix}}.Encode()
	}
	return shown.String()
}

func noArchive(location string) error {
	return fmt.Errorf("%w at %s: check the URL: it is the operator's --archive-url. The operator writes the first batch once an event is older "+
		"than its --event-retention", ErrNoArchive, cmp.Or(Shown(location), "this URL"))
}
