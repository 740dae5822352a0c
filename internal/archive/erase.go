package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// parallel is how many files an erasure reads at the same time: a bucket takes long to answer.
const parallel = 16

// Erase appends the record of the erasure, then takes the customer's lines out of all personal files. account is empty for the
// platform's own. It may be repeated after a crash or an error: a record after which there are no events is not written twice.
//
// ErrBehind: the archive has a newer batch than the head says. What the chain covers does not change: the events stay, without
// personal data.
func (a *Archive) Erase(ctx context.Context, head Head, account, customer string) (Head, error) {
	if customer == "" {
		return Head{}, errors.New("an erasure needs a customer's id")
	}
	erasure, known := Erasure{Account: account, CustomerID: customer}, newErasures()
	head, err := a.recordErasure(ctx, head, erasure, &known)
	if err != nil {
		return Head{}, err
	}
	if err := a.takeOut(ctx, head, erasure.customer(), &known); err != nil {
		return head, err
	}
	if _, err := a.sweep(ctx, head.Batch); err != nil { // a writer that stopped may have left the customer's data
		return head, err
	}
	return head, nil
}

// recordErasure makes the chain end with the record, unless no events follow it already: two erasures that fail, and are repeated in
// turn, must not make the chain longer each time.
func (a *Archive) recordErasure(ctx context.Context, head Head, erasure Erasure, known *erasures) (Head, error) {
	if err := a.checkHead(ctx, head); errors.Is(err, ErrBehind) {
		m, sum, err := a.manifest(ctx, head.Batch+1)
		if err != nil {
			return Head{}, err
		}
		if m.Erasure == nil || m.Erasure.customer() != erasure.customer() || m.follows(head) != nil {
			return Head{}, ErrBehind
		}
		return Head{Batch: m.Batch, SHA256: sum, Events: head.Events}, nil
	} else if err != nil {
		return Head{}, err
	}
	if err := a.readErasures(ctx, known, head.Batch); err != nil {
		return Head{}, err
	}
	if known.coverAll(erasure.customer()) {
		return head, nil
	}
	m := after(head, a.now())
	erasure.At = m.WrittenAt.Time
	m.Erasure = &erasure
	return a.writeManifest(ctx, m)
}

// erasures are the erasures on record.
type erasures struct {
	last    int64                // the last batch that was read
	events  int64                // the last batch of these that has events, or may have had: its manifest is lost
	records int                  // how many there are
	batches map[customerID]int64 // the latest erasure of each customer
}

type customerID struct{ account, id string }

func (e Erasure) customer() customerID { return customerID{e.Account, e.CustomerID} }

func newErasures() erasures { return erasures{batches: map[customerID]int64{}} }

func (e *erasures) add(batch int64, erasure *Erasure) {
	if erasure != nil {
		e.batches[erasure.customer()] = max(e.batches[erasure.customer()], batch)
		e.records++
	} else {
		e.events = max(e.events, batch)
	}
	e.last = max(e.last, batch)
}

// cover reports whether the personal data of a customer in a batch was erased.
func (e *erasures) cover(batch int64, customer customerID) bool {
	return customer.id != "" && e.batches[customer] > batch
}

// coverAll reports whether the personal data of a customer in every batch was erased.
func (e *erasures) coverAll(customer customerID) bool { return e.cover(e.events, customer) }

// takeOut takes the lines of all erased customers out of the personal files of a customer's account: the customer's are in no others.
//
// Two erasures may run at once, and each may write a file that it has read before the other wrote it. So each takes out the lines
// of every customer that is on record, and looks at the end for records that are new:
//
//	the first reads a file, with the lines of both customers
//	the second is recorded, and writes the file without both
//	the first writes the file without its own customer; it sees the second's record, and begins again
//
// If the second is of another account, the two have no file in common.
func (a *Archive) takeOut(ctx context.Context, head Head, customer customerID, known *erasures) error {
	if err := a.readErasures(ctx, known, head.Batch); err != nil {
		return err
	}
	if !known.coverAll(customer) {
		return problem(head.Batch, manifestPath(head.Batch), "recorded the erasure of %s, and is missing or altered", customer.id)
	}
	for {
		if err := a.takeOutOfAll(ctx, customer.account, known); err != nil {
			return err
		}
		before := known.records
		if err := a.readNewErasures(ctx, known); err != nil {
			return err
		}
		if known.records == before {
			return nil
		}
	}
}

// readErasures reads the manifests up to a batch. It passes over one that is lost, which Verify reports: an erasure must reach the
// batches after it.
func (a *Archive) readErasures(ctx context.Context, known *erasures, end int64) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var adding sync.Mutex
	for batch := known.last + 1; batch <= end; batch++ {
		group.Go(func() error {
			m, _, err := a.manifest(ctx, batch)
			if err != nil && !errors.Is(err, errNotFound) {
				return err
			}
			adding.Lock()
			defer adding.Unlock()
			known.add(batch, m.Erasure)
			return nil
		})
	}
	return group.Wait()
}

// readNewErasures reads the manifests that came since.
func (a *Archive) readNewErasures(ctx context.Context, known *erasures) error {
	for {
		m, _, err := a.manifest(ctx, known.last+1)
		switch {
		case errors.Is(err, errNotFound):
			return nil
		case err != nil:
			return err
		}
		known.add(known.last+1, m.Erasure)
	}
}

// takeOutOfAll takes the lines of erased customers out of the personal files of an account. A file that fails does not keep it from
// the others, unless no file can be read.
func (a *Archive) takeOutOfAll(ctx context.Context, account string, known *erasures) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	var failed failures
	for path, err := range a.store.list(ctx, personalFolder+accountFolder(account)) {
		if err != nil {
			failed.add(err)
			break
		}
		if failed.areOfAll() {
			break
		}
		group.Go(func() error {
			failed.add(a.takeOutOf(ctx, path, known))
			return nil
		})
	}
	_ = group.Wait() // the errors are in failed
	return failed.joined()
}

// takeOutOf writes a personal file without the lines of erased customers, or deletes it if no line is left.
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
		return unreadError{fmt.Errorf("batch %d: %w", batch, err)}
	}
	stays, isChanged, err := a.withoutErased(batch, content, known)
	switch {
	case err != nil:
		return problem(batch, path,
			"cannot be read, so it may still hold personal data of the customer; delete it if it cannot be mended: %v", err)
	case !isChanged:
		return nil
	case stays == nil:
		err = a.store.remove(ctx, path)
	default:
		err = a.store.write(ctx, path, stays)
	}
	if err != nil {
		return fmt.Errorf("batch %d: %w", batch, err)
	}
	return nil
}

// withoutErased is a personal file without the lines of erased customers; nil if no line is left. The lines that stay do not change
// by a byte. One file at a time is in memory as text: it is many times as large as the file.
func (a *Archive) withoutErased(batch int64, content []byte, known *erasures) (stays []byte, isChanged bool, err error) {
	a.unpacking.Lock()
	defer a.unpacking.Unlock()
	var text bytes.Buffer
	err = eachLine(content, func(of []byte) error {
		var line personalLine
		if err := json.Unmarshal(of, &line); err != nil {
			return err
		}
		if known.cover(batch, customerID{line.Account, line.CustomerID}) {
			isChanged = true
			return nil
		}
		text.Write(of)
		text.WriteByte('\n')
		return nil
	})
	if err != nil || !isChanged || text.Len() == 0 {
		return nil, isChanged, err
	}
	stays, err = compressText(text.Bytes())
	return stays, true, err
}

// sweep deletes the files that a writer left when it stopped before it wrote the manifest. It looks at the latest batches: a later
// writer has written their manifests since, and a manifest never changes, so nothing will ever name those files. It leaves the
// files of the next batch alone, which another writer may be about to name, and those of a batch whose manifest is lost.
//
// isClean is false if something is left that may be another writer's, and may be what a writer left.
func (a *Archive) sweep(ctx context.Context, last int64) (isClean bool, err error) {
	const batches = 4
	isClean = true
	if f, isFolder := a.store.(folder); isFolder {
		if isClean, err = f.clean(a.now()); err != nil {
			return false, err
		}
	}
	named, isLost := map[int64]map[string]bool{}, map[int64]bool{}
	for _, folder := range []string{eventsFolder, personalFolder} {
		for path, err := range a.store.list(ctx, folder) {
			if err != nil {
				return false, err
			}
			batch, ok := batchOf(path)
			if !ok || batch > last || batch <= last-batches {
				continue
			}
			if named[batch] == nil {
				m, _, err := a.manifest(ctx, batch)
				if err != nil && !errors.Is(err, errNotFound) {
					return false, err
				}
				named[batch] = m.paths()
				isLost[batch] = err != nil
			}
			if !named[batch][eventsPath(path)] && !isLost[batch] {
				if err := a.store.remove(ctx, path); err != nil {
					return false, err
				}
			}
		}
	}
	return isClean, nil
}
