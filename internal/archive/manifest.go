package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// formatVersion is the version of the files' layout. A reader refuses a newer one.
const formatVersion = 1

// manifest is what batches/<batch>.json says.
type manifest struct {
	Version      int         `json:"version"`
	Batch        int64       `json:"batch"`
	Previous     string      `json:"previous"` // SHA-256 of the previous manifest's bytes; empty in the first batch
	WrittenAt    metav1.Time `json:"writtenAt"`
	Events       int64       `json:"events"`
	EventsBefore int64       `json:"eventsBefore"` // in all batches before this one
	Files        []file      `json:"files,omitempty"`
	Erasure      *Erasure    `json:"erasure,omitempty"`
}

// file is one file of events.
type file struct {
	Path         string      `json:"path"`
	SHA256       string      `json:"sha256"`
	Bytes        int64       `json:"bytes"`
	Events       int64       `json:"events"`
	FirstCreated metav1.Time `json:"firstCreated"`
	LastCreated  metav1.Time `json:"lastCreated"`
}

// after is the manifest that follows head, without content.
func after(head Head, at time.Time) manifest {
	return manifest{
		Version: formatVersion, Batch: head.Batch + 1, Previous: head.SHA256, EventsBefore: head.Events,
		WrittenAt: metav1.NewTime(at.UTC().Truncate(time.Second)),
	}
}

// follows checks the link of the chain from head to the manifest.
func (m manifest) follows(head Head) error {
	switch {
	case m.Batch != head.Batch+1:
		return problem(head.Batch+1, manifestPath(head.Batch+1), "says that it is batch %d", m.Batch)
	case m.Previous != head.SHA256:
		return problem(m.Batch, manifestPath(m.Batch), "does not follow batch %d: that batch was altered, or this one", head.Batch)
	case m.EventsBefore != head.Events:
		return problem(m.Batch, manifestPath(m.Batch), "counts %d events before it, and there are %d", m.EventsBefore, head.Events)
	default:
		return nil
	}
}

// manifest reads a batch's manifest and the hash of its bytes.
func (a *Archive) manifest(ctx context.Context, batch int64) (m manifest, sum string, err error) {
	m, text, err := a.manifestText(ctx, batch)
	return m, sha256Of(text), err
}

// manifestText reads a batch's manifest and its bytes.
func (a *Archive) manifestText(ctx context.Context, batch int64) (m manifest, text []byte, err error) {
	text, err = a.store.read(ctx, manifestPath(batch))
	if err != nil {
		return m, nil, fmt.Errorf("batch %d: %w", batch, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&m); err != nil {
		return m, nil, problem(batch, manifestPath(batch), "is not a manifest: %v", err)
	}
	if m.Version != formatVersion {
		return m, nil, problem(batch, manifestPath(batch), "has version %d, and this release reads version %d", m.Version, formatVersion)
	}
	return m, text, nil
}

// checkHead checks that the archive has the batch that head names, and none after it; and, before another batch is written, that
// the store refuses to write a manifest twice.
func (a *Archive) checkHead(ctx context.Context, head Head) error {
	if head.Batch > 0 {
		path := manifestPath(head.Batch)
		_, text, err := a.manifestText(ctx, head.Batch)
		switch {
		case errors.Is(err, errNotFound):
			return problem(head.Batch, path, "is missing, and was there: is this the right bucket? %s", whichBucket)
		case err != nil:
			return err
		case sha256Of(text) != head.SHA256:
			return problem(head.Batch, path, "is not the one that was written: another archive, or altered. %s", whichBucket)
		}
		if err := a.proveFence(ctx, path, text); err != nil {
			return fmt.Errorf("batch %d: %w", head.Batch, err)
		}
	}
	switch _, _, err := a.manifest(ctx, head.Batch+1); {
	case errors.Is(err, errNotFound):
		return nil
	case err != nil:
		return err
	default:
		return ErrBehind
	}
}

// whichBucket says what to do if the bucket does not have the batch that was written last.
const whichBucket = "Set --archive-url back, or copy the whole old archive there first"

// writeManifest ends a batch, and reads the manifest back. It gives ErrBehind if another writer was faster.
func (a *Archive) writeManifest(ctx context.Context, m manifest) (Head, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return Head{}, err
	}
	text = append(text, '\n')
	path := manifestPath(m.Batch)
	back, err := a.createManifest(ctx, path, text)
	if err != nil {
		return Head{}, fmt.Errorf("batch %d: %w", m.Batch, err)
	}
	if !bytes.Equal(back, text) {
		return Head{Batch: m.Batch}, ErrBehind
	}
	return Head{Batch: m.Batch, SHA256: sha256Of(text), Events: m.EventsBefore + m.Events}, a.proveFence(ctx, path, text)
}

// createManifest creates a manifest, and gives what is there then: this one or another writer's. A request may have been repeated
// after its first answer was lost, so that this one is refused for its own sake.
//
// While two writers create the same object, a store may refuse one before it shows the other's. So it is tried again.
func (a *Archive) createManifest(ctx context.Context, path string, text []byte) (back []byte, err error) {
	for wait := 50 * time.Millisecond; wait < time.Second; wait *= 2 {
		if err := a.store.create(ctx, path, text); err != nil && !errors.Is(err, errExists) {
			return nil, err
		}
		if back, err = a.store.read(ctx, path); !errors.Is(err, errNotFound) {
			return back, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	return nil, err
}

// proveFence checks, once, that the store refuses to write what is there already. A store that overwrites it instead would let
// two writers make two chains. What it writes is what is there, so that nothing changes either way.
func (a *Archive) proveFence(ctx context.Context, path string, text []byte) error {
	if a.fence.Load() {
		return nil
	}
	switch err := a.store.create(ctx, path, text); {
	case errors.Is(err, errExists):
		a.fence.Store(true)
		return nil
	case err != nil:
		return err
	default:
		return errors.New("the store overwrites an object although the request says If-None-Match: *, so two writers " +
			"could each make a chain; use a store that knows conditional writes")
	}
}

func sha256Of(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// paths are the files of events that the manifest names.
func (m manifest) paths() map[string]bool {
	found := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		found[f.Path] = true
	}
	return found
}
