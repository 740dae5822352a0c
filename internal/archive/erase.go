package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Erase appends the record of the erasure, then takes the customer's lines out of all personal files. account is empty for the
// platform's own. It may be repeated after a crash or an error: a record at the end of the chain is not written twice.
//
// ErrBehind: the archive has a newer batch than the head says. What the chain covers does not change: the events stay, without
// personal data.
func (a *Archive) Erase(ctx context.Context, head Head, account, customerID string) (Head, error) {
	if customerID == "" {
		return Head{}, errors.New("an erasure needs a customer's id")
	}
	head, err := a.recordErasure(ctx, head, Erasure{Account: account, CustomerID: customerID})
	if err != nil {
		return Head{}, err
	}
	if err := a.takeOut(ctx); err != nil {
		return head, err
	}
	if err := a.sweep(ctx, head); err != nil { // a writer that stopped may have left the customer's data
		return head, err
	}
	return head, nil
}

// recordErasure makes the chain end with the record, unless it does already.
func (a *Archive) recordErasure(ctx context.Context, head Head, erasure Erasure) (Head, error) {
	isOurs := func(m manifest) bool {
		return m.Erasure != nil && m.Erasure.Account == erasure.Account && m.Erasure.CustomerID == erasure.CustomerID
	}
	if err := a.checkHead(ctx, head); errors.Is(err, ErrBehind) {
		m, sum, err := a.manifest(ctx, head.Batch+1)
		if err != nil {
			return Head{}, err
		}
		if !isOurs(m) || m.follows(head) != nil {
			return Head{}, ErrBehind
		}
		return Head{Batch: m.Batch, SHA256: sum, Events: head.Events}, nil
	} else if err != nil {
		return Head{}, err
	}
	if head.Batch > 0 {
		if m, _, err := a.manifest(ctx, head.Batch); err != nil || isOurs(m) {
			return head, err
		}
	}
	m := after(head, a.now())
	erasure.At = m.WrittenAt.Time
	m.Erasure = &erasure
	return a.writeManifest(ctx, m)
}

// erasures are the erasures on record.
type erasures struct {
	last    int64                // the last batch that was read
	records int                  // how many there are
	batches map[customerID]int64 // the latest erasure of each customer
}

type customerID struct{ account, id string }

func (e *erasures) add(m manifest) {
	if m.Erasure != nil {
		e.batches[customerID{m.Erasure.Account, m.Erasure.CustomerID}] = m.Batch
		e.records++
	}
	e.last = max(e.last, m.Batch)
}

// cover reports whether the personal data of a customer in a batch was erased.
func (e *erasures) cover(batch int64, customer customerID) bool {
	return customer.id != "" && e.batches[customer] > batch
}

// takeOut takes the lines of all erased customers out of the personal files.
//
// Two erasures may run at once, and each may write a file that it has read before the other wrote it. So each takes out the lines
// of every customer that is on record, and looks at the end for records that are new:
//
//	the first reads a file, with the lines of both customers
//	the second is recorded, and writes the file without both
//	the first writes the file without its own customer; it sees the second's record, and begins again
func (a *Archive) takeOut(ctx context.Context) error {
	known := erasures{batches: map[customerID]int64{}}
	for {
		before := known.records
		if err := a.readErasures(ctx, &known); err != nil {
			return err
		}
		if before > 0 && before == known.records {
			return nil
		}
		var failed []error
		for path, err := range a.store.list(ctx, personalFolder) {
			if err != nil {
				return err
			}
			if err := a.takeOutOf(ctx, path, &known); err != nil {
				failed = append(failed, err)
			}
		}
		if len(failed) > 0 {
			return errors.Join(failed...)
		}
	}
}

// readErasures reads the manifests that came since.
func (a *Archive) readErasures(ctx context.Context, known *erasures) error {
	for {
		m, _, err := a.manifest(ctx, known.last+1)
		switch {
		case errors.Is(err, errNotFound):
			return nil
		case err != nil:
			return err
		}
		known.add(m)
	}
}

// takeOutOf writes a personal file without the lines of erased customers, or deletes it if no line is left. The lines that stay do
// not change by a byte.
func (a *Archive) takeOutOf(ctx context.Context, path string, known *erasures) error {
	batch, ok := batchOf(path)
	if !ok || batch > known.last {
		return nil
	}
	content, err := a.store.read(ctx, path)
	switch {
	case errors.Is(err, errNotFound): // another erasure deleted it
		return nil
	case err != nil:
		return fmt.Errorf("batch %d: %w", batch, err)
	}
	stays, isChanged := bytes.Buffer{}, false
	err = eachLine(content, func(text []byte) error {
		var line personalLine
		if err := json.Unmarshal(text, &line); err != nil {
			return err
		}
		if known.cover(batch, customerID{line.Account, line.CustomerID}) {
			isChanged = true
			return nil
		}
		stays.Write(text)
		stays.WriteByte('\n')
		return nil
	})
	switch {
	case err != nil:
		return problem(batch, path, "cannot be read, so it may still hold personal data of the customer; delete it if it cannot be mended: %v", err)
	case !isChanged:
		return nil
	case stays.Len() == 0:
		err = a.store.remove(ctx, path)
	default:
		if content, err = compressText(stays.Bytes()); err == nil {
			err = a.store.write(ctx, path, content)
		}
	}
	if err != nil {
		return fmt.Errorf("batch %d: %w", batch, err)
	}
	return nil
}

// sweep deletes the files that a writer left when it stopped before it wrote the manifest. It looks at the latest batches: a later
// writer has written their manifests since, and a manifest never changes, so nothing will ever name those files. It leaves the
// files of the next batch alone, which another writer may be about to name.
func (a *Archive) sweep(ctx context.Context, head Head) error {
	const batches = 4
	if f, isFolder := a.store.(folder); isFolder {
		if err := f.clean(a.now()); err != nil {
			return err
		}
	}
	named := map[int64]map[string]bool{}
	for _, folder := range []string{eventsFolder, personalFolder} {
		for path, err := range a.store.list(ctx, folder) {
			if err != nil {
				return err
			}
			batch, ok := batchOf(path)
			if !ok || batch > head.Batch || batch <= head.Batch-batches {
				continue
			}
			if named[batch] == nil {
				m, _, err := a.manifest(ctx, batch)
				if err != nil {
					return err
				}
				named[batch] = m.paths()
			}
			if !named[batch][eventsFolder+strings.TrimPrefix(path, folder)] {
				if err := a.store.remove(ctx, path); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
