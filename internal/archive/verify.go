package archive

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Report is what Verify has found.
type Report struct {
	// Head is the end of the chain.
	Head Head `json:"head"`
	// Events counts the events of all batches.
	Events int64 `json:"events"`
	// Distinct counts the ids of events among them: an event may be archived again, for a later change.
	Distinct int64 `json:"distinctEvents"`
	// Files counts the files of events.
	Files int64 `json:"files"`
	// Bytes is their size, compressed.
	Bytes int64 `json:"bytes"`
	// Personal counts the lines of personal data.
	Personal int64 `json:"personalLines"`
	// Erasures counts the erasures on record.
	Erasures int64 `json:"erasures"`
	// Problems is everything that is wrong, in the order of the batches.
	Problems []Problem `json:"problems"`
}

// Verify checks the whole chain from batch 1, every file's hash and counts, every personal line's hash, and that there is nothing
// else, and lists all problems. The error is about the bucket: nothing can be said about the archive then.
//
// A chain does not show that its end was cut off. So compare Report.Head with the head that the cluster has noted.
func (a *Archive) Verify(ctx context.Context) (Report, error) {
	v := verification{archive: a, seen: map[digest]struct{}{}, named: map[digest]struct{}{}, erased: newErasures(), since: newErasures()}
	manifests, err := v.chain(ctx)
	if err != nil {
		return Report{}, err
	}
	for _, m := range manifests {
		if err := v.files(ctx, m); err != nil {
			return Report{}, err
		}
	}
	if err := v.others(ctx); err != nil {
		return Report{}, err
	}
	v.report.Distinct = int64(len(v.seen))
	slices.SortStableFunc(v.report.Problems, func(a, b Problem) int { return cmp.Compare(a.Batch, b.Batch) })
	return v.report, nil
}

// verification is one Verify.
type verification struct {
	archive *Archive
	report  Report
	seen    map[digest]struct{} // the events' ids
	named   map[digest]struct{} // the paths that the manifests name
	erased  erasures            // those of the chain
	since   erasures            // those that were recorded while it was verified
}

// note adds the problem that an error is about, and gives back the error if it is about the bucket.
func (v *verification) note(batch int64, path string, err error) error {
	var found Problem
	switch {
	case errors.As(err, &found):
		v.report.Problems = append(v.report.Problems, found)
	case errors.Is(err, errNotFound):
		v.report.Problems = append(v.report.Problems, problem(batch, path, "is missing"))
	default:
		return err
	}
	return nil
}

// chain reads all manifests, checks that each follows the one before, and collects the erasures.
func (v *verification) chain(ctx context.Context) ([]manifest, error) {
	numbers, err := v.archive.batches(ctx)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	var manifests []manifest
	v.since.last = numbers[len(numbers)-1]
	isWhole := true // the manifest before was read
	for batch := int64(1); batch <= numbers[len(numbers)-1]; batch++ {
		m, sum, err := v.archive.manifest(ctx, batch)
		if err != nil {
			if err := v.note(batch, manifestPath(batch), err); err != nil {
				return nil, err
			}
			isWhole = false
			continue
		}
		before := v.report.Head
		if !isWhole { // nothing is known about the batch before, so take the manifest's word
			before = Head{Batch: batch - 1, SHA256: m.Previous, Events: m.EventsBefore}
		}
		if err := m.follows(before); err != nil {
			_ = v.note(batch, manifestPath(batch), err)
		}
		m.Batch = batch
		v.report.Head = Head{Batch: batch, SHA256: sum, Events: before.Events + m.Events}
		v.erased.add(batch, m.Erasure)
		isWhole = true
		if m.Erasure != nil {
			v.report.Erasures++
		}
		manifests = append(manifests, m)
	}
	return manifests, nil
}

// files checks the files of a batch.
func (v *verification) files(ctx context.Context, m manifest) error {
	var events int64
	for _, f := range m.Files {
		v.named[digestOf(f.Path)] = struct{}{}
		events += f.Events
		v.report.Files++
		v.report.Bytes += f.Bytes
		if number, ok := batchOf(f.Path); !ok || number != m.Batch {
			_ = v.note(m.Batch, f.Path, problem(m.Batch, f.Path, "has the name of no file of this batch"))
		}
		if err := v.file(ctx, m.Batch, f); err != nil {
			return err
		}
	}
	if events != m.Events {
		_ = v.note(m.Batch, "", problem(m.Batch, manifestPath(m.Batch), "counts %d events, and its files %d", m.Events, events))
	}
	return nil
}

func (v *verification) file(ctx context.Context, batch int64, f file) error {
	lines, err := v.archive.readEvents(ctx, batch, f)
	if err != nil {
		return v.note(batch, f.Path, err)
	}
	for _, line := range lines {
		v.report.Events++
		v.seen[digestOf(line.Spec.EventID)] = struct{}{}
		where := eventsFolder + partitionOf(&line.BillingEvent).path()
		if !strings.HasPrefix(f.Path, where) {
			_ = v.note(batch, f.Path, problem(batch, f.Path, "has event %s, which belongs into %s", line.Spec.EventID, where))
		}
		if created := line.Spec.Created; created.Before(&f.FirstCreated) || f.LastCreated.Before(&created) {
			_ = v.note(batch, f.Path, problem(batch, f.Path, "has event %s, which is outside the times in the manifest", line.Spec.EventID))
		}
	}
	hidden, err := v.archive.readPersonal(ctx, batch, f.Path)
	if err != nil && !errors.Is(err, errNotFound) {
		return v.note(batch, personalPath(f.Path), err)
	}
	return v.personal(ctx, batch, f, lines, hidden)
}

// personal checks that the personal data of a file is what its events say, except for what was erased.
func (v *verification) personal(ctx context.Context, batch int64, f file, lines []eventLine, hidden map[string]personalLine) error {
	path, lost, left := personalPath(f.Path), []eventLine{}, []string{}
	asked := 0
	for _, line := range lines {
		if line.PersonalSHA256 == "" {
			continue
		}
		customer := customerID{line.Spec.Account, line.CustomerID()}
		isErased := v.erased.cover(batch, customer)
		behind, isThere := hidden[line.PersonalSHA256]
		switch {
		case isThere && (behind.EventID != line.Spec.EventID || behind.Account != customer.account || behind.CustomerID != customer.id):
			_ = v.note(batch, path, problem(batch, path, "was altered: the personal data of event %s is said to be another's", line.Spec.EventID))
			asked++
		case isThere:
			asked++
			v.report.Personal++
			if isErased {
				left = append(left, line.Spec.EventID)
			}
		case !isErased:
			lost = append(lost, line)
		}
	}
	if len(lost) > 0 { // or an erasure was recorded since, before it took them out
		if err := v.archive.readNewErasures(ctx, &v.since); err != nil {
			return err
		}
		lost = slices.DeleteFunc(lost, func(line eventLine) bool {
			return v.since.cover(batch, customerID{line.Spec.Account, line.CustomerID()})
		})
	}
	if len(lost) > 0 {
		_ = v.note(batch, path, problem(batch, path, "lacks the personal data of %d of %d events, such as %s, and no erasure is on record: it was altered, or is lost",
			len(lost), len(lines), lost[0].Spec.EventID))
	}
	if len(left) > 0 {
		_ = v.note(batch, path, problem(batch, path, "still has personal data of %d events, such as %s, although its erasure is on record: repeat the erasure",
			len(left), left[0]))
	}
	if extra := len(hidden) - asked; extra > 0 {
		_ = v.note(batch, path, problem(batch, path, "has %d lines that no event asks for: they were altered, or added", extra))
	}
	return nil
}

// others looks for files that no manifest names.
func (v *verification) others(ctx context.Context) error {
	later := map[int64][]string{} // the files of batches after the chain, by batch
	for path, err := range v.archive.store.list(ctx, "") {
		if err != nil {
			return err
		}
		if _, isManifest := batchOfManifest(path); isManifest {
			continue
		}
		if _, named := v.named[digestOf(eventsPath(path))]; named {
			continue
		}
		switch batch, ok := batchOf(path); {
		case !ok:
			_ = v.note(0, path, problem(0, path, "is no file of the archive"))
		case batch > v.report.Head.Batch:
			later[batch] = append(later[batch], path)
		default:
			_ = v.note(batch, path, problem(batch, path,
				"is in no manifest: a writer stopped before the manifest, or it was added; events that are archived are in other files"))
		}
	}
	return v.later(ctx, later)
}

// later looks at the files of batches after the chain: a batch may have been written since the chain was read.
func (v *verification) later(ctx context.Context, paths map[int64][]string) error {
	for _, batch := range slices.Sorted(maps.Keys(paths)) {
		m, _, err := v.archive.manifest(ctx, batch)
		var isBroken Problem // the next Verify finds it in the chain, if it is not in this one's
		if err != nil && !errors.Is(err, errNotFound) && !errors.As(err, &isBroken) {
			return err
		}
		named := m.paths()
		for _, path := range paths[batch] {
			if !named[eventsPath(path)] {
				_ = v.note(batch, path, problem(batch, path,
					"is in no manifest: a writer writes it now, or stopped before the manifest; or the end of the chain is missing"))
			}
		}
	}
	return nil
}
