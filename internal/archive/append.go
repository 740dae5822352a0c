package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// Append writes the events as the batch after head, reads it back, compares every file's hash and every event, and only then
// returns the new head. ErrBehind: the archive already has that batch. After any other error, and after a crash, the same call may
// be repeated.
func (a *Archive) Append(ctx context.Context, head Head, events []v1alpha1.BillingEvent) (Head, error) {
	if len(events) == 0 || len(events) > MaxEvents {
		return Head{}, fmt.Errorf("a batch has 1 to %d events, not %d", MaxEvents, len(events))
	}
	if err := a.checkHead(ctx, head); err != nil {
		return Head{}, err
	}
	isSwept := a.swept.Swap(false)
	head, err := a.writeBatch(ctx, after(head, a.now()), events)
	switch isBehind := errors.Is(err, ErrBehind); {
	case err != nil && !isBehind:
		return Head{}, err
	case isBehind, !isSwept:
		// The batch is in the archive, from this writer or another. What is swept now: the files of an earlier try, and of this one if
		// the other writer was faster. That one may have recorded an erasure, and may have swept before these files were written. What
		// cannot be swept now is swept with the next batch.
		isClean, sweepErr := a.sweep(ctx, head.Batch)
		isSwept = isClean && sweepErr == nil
	}
	a.swept.Store(isSwept)
	if err != nil {
		return Head{}, err
	}
	return head, nil
}

// writeBatch writes the files of a batch, then its manifest. With ErrBehind, the head has only the batch's number.
func (a *Archive) writeBatch(ctx context.Context, m manifest, events []v1alpha1.BillingEvent) (Head, error) {
	for _, part := range parts(events) {
		written, err := a.writePart(ctx, m.Batch, part)
		if err != nil {
			return Head{Batch: m.Batch}, a.behind(ctx, m.Batch, err)
		}
		m.Files = append(m.Files, written)
		m.Events += written.Events
	}
	return a.writeManifest(ctx, m)
}

// behind is ErrBehind if another writer has written the batch meanwhile, else the error. The other writer sweeps the files that
// its manifest does not name, so this one may have found its own files gone.
func (a *Archive) behind(ctx context.Context, batch int64, err error) error {
	if _, _, none := a.manifest(ctx, batch); none == nil {
		return ErrBehind
	}
	return err
}

// part is what goes into one file.
type part struct {
	partition partition
	events    []*v1alpha1.BillingEvent
}

// parts divides events by partition, in the order of the paths; and the events of each by time, then id.
func parts(events []v1alpha1.BillingEvent) []part {
	byPartition := map[partition]*part{}
	var all []*part
	for i := range events {
		where := partitionOf(&events[i])
		if byPartition[where] == nil {
			byPartition[where] = &part{partition: where}
			all = append(all, byPartition[where])
		}
		byPartition[where].events = append(byPartition[where].events, &events[i])
	}
	slices.SortFunc(all, func(a, b *part) int { return cmp.Compare(a.partition.path(), b.partition.path()) })
	sorted := make([]part, 0, len(all))
	for _, p := range all {
		slices.SortStableFunc(p.events, func(a, b *v1alpha1.BillingEvent) int {
			return cmp.Or(a.Spec.Created.Compare(b.Spec.Created.Time), cmp.Compare(a.Spec.EventID, b.Spec.EventID), cmp.Compare(a.UID, b.UID))
		})
		sorted = append(sorted, *p)
	}
	return sorted
}

// writePart writes the files of a part and reads them back.
func (a *Archive) writePart(ctx context.Context, batch int64, p part) (file, error) {
	lines, hidden := make([]eventLine, 0, len(p.events)), []personalLine{}
	for _, e := range p.events {
		line, behind, err := linesOf(e, a.salts)
		if err != nil {
			return file{}, err
		}
		lines = append(lines, line)
		if behind != nil {
			hidden = append(hidden, *behind)
		}
	}
	content, err := compress(lines)
	if err != nil {
		return file{}, err
	}
	written := file{
		SHA256: sha256Of(content), Bytes: int64(len(content)), Events: int64(len(lines)),
		FirstCreated: p.events[0].Spec.Created, LastCreated: p.events[len(p.events)-1].Spec.Created,
	}
	written.Path = eventsFolder + p.partition.path() + fileName(batch, written.SHA256)
	if len(hidden) > 0 {
		covered, err := compress(hidden)
		if err != nil {
			return file{}, err
		}
		if err := a.store.write(ctx, personalPath(written.Path), covered); err != nil {
			return file{}, fmt.Errorf("batch %d: %w", batch, err)
		}
	}
	if err := a.store.write(ctx, written.Path, content); err != nil {
		return file{}, fmt.Errorf("batch %d: %w", batch, err)
	}
	return written, a.compare(ctx, batch, written, p.events)
}

// compare reads a file back, with its personal data, and compares each event with the one that was to be written.
func (a *Archive) compare(ctx context.Context, batch int64, written file, events []*v1alpha1.BillingEvent) error {
	lines, err := a.readEvents(ctx, batch, written)
	if err != nil {
		return err
	}
	hidden, err := a.readPersonal(ctx, batch, written.Path)
	if err != nil && !errors.Is(err, errNotFound) {
		return err
	}
	for i, e := range events {
		whole, err := reunite(lines[i], hidden)
		if err != nil {
			return problem(batch, written.Path, "line %d: %v", i+1, err)
		}
		if isSame, err := sameJSON(whole, record(e)); err != nil || !isSame {
			return problem(batch, written.Path, "line %d is not event %s as it was written", i+1, e.Spec.EventID)
		}
	}
	return nil
}

// reunite merges the personal data of a line back. Without its line in hidden, the event stays without.
func reunite(line eventLine, hidden map[string]personalLine) (*v1alpha1.BillingEvent, error) {
	behind, known := hidden[line.PersonalSHA256]
	if line.PersonalSHA256 == "" || !known {
		return &line.BillingEvent, nil
	}
	return personal.Merge(&line.BillingEvent, behind.Personal)
}

func sameJSON(a, b *v1alpha1.BillingEvent) (bool, error) {
	first, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	second, err := json.Marshal(b)
	return bytes.Equal(first, second), err
}
