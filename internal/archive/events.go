package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Filter selects archived events. Everything that is set must apply.
type Filter struct {
	CustomerID string    // of CustomerID(), the linked customer included
	EventIDs   []string  // any of these
	Since      time.Time // spec.created is not before
	Until      time.Time // spec.created is before
}

func (f Filter) selects(e *v1alpha1.BillingEvent) bool {
	return (f.CustomerID == "" || e.CustomerID() == f.CustomerID) && (len(f.EventIDs) == 0 || slices.Contains(f.EventIDs, e.Spec.EventID)) &&
		f.overlaps(e.Spec.Created.Time, e.Spec.Created.Time)
}

// overlaps reports whether something between first and last may be in the filter's time.
func (f Filter) overlaps(first, last time.Time) bool {
	return (f.Since.IsZero() || !last.Before(f.Since)) && (f.Until.IsZero() || first.Before(f.Until))
}

// Events iterates over the archived events that a filter selects, from the newest batch to the oldest: the newest version of each
// event, with its personal data if that is still there and the bucket lets this reader have it. An error is about one file: the
// iteration goes on with the next one.
func (a *Archive) Events(ctx context.Context, filter Filter) iter.Seq2[v1alpha1.BillingEvent, error] {
	return func(yield func(v1alpha1.BillingEvent, error) bool) {
		batches, err := a.batches(ctx)
		if err != nil {
			yield(v1alpha1.BillingEvent{}, err)
			return
		}
		s := search{archive: a, filter: filter, seen: map[digest]struct{}{}, yield: yield}
		for _, batch := range slices.Backward(batches) {
			if ctx.Err() != nil || !s.batch(ctx, batch) {
				return
			}
		}
	}
}

// search is one iteration over the archive.
type search struct {
	archive *Archive
	filter  Filter
	seen    map[digest]struct{} // the events of newer batches
	yield   func(v1alpha1.BillingEvent, error) bool
}

// digest stands for an event's id: a map of a million takes some 30 MB.
type digest [16]byte

func digestOf(id string) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:16])
}

// batch searches one batch. It is false if the caller wants no more.
func (s *search) batch(ctx context.Context, number int64) bool {
	m, _, err := s.archive.manifest(ctx, number)
	if err != nil {
		return s.yield(v1alpha1.BillingEvent{}, err)
	}
	for _, f := range m.Files {
		if s.filter.overlaps(f.FirstCreated.Time, f.LastCreated.Time) && !s.file(ctx, number, f) {
			return false
		}
	}
	return true
}

func (s *search) file(ctx context.Context, batch int64, f file) bool {
	lines, err := s.archive.readEvents(ctx, batch, f)
	if err != nil {
		return s.yield(v1alpha1.BillingEvent{}, err)
	}
	var hidden map[string]personalLine
	for _, line := range slices.Backward(lines) {
		id := digestOf(line.Spec.EventID)
		if _, known := s.seen[id]; known {
			continue
		}
		s.seen[id] = struct{}{}
		if !s.filter.selects(&line.BillingEvent) {
			continue
		}
		if line.PersonalSHA256 != "" && hidden == nil {
			hidden, err = s.archive.readPersonal(ctx, batch, f.Path)
			isWithout := errors.Is(err, errNotFound) || errors.Is(err, errDenied) // erased, or not for this reader
			if err != nil && !isWithout && !s.yield(v1alpha1.BillingEvent{}, err) {
				return false
			}
			if hidden == nil {
				hidden = map[string]personalLine{}
			}
		}
		whole, err := reunite(line, hidden)
		if err != nil {
			err = problem(batch, personalPath(f.Path), "event %s: %v", line.Spec.EventID, err)
			whole = &line.BillingEvent
		}
		if !s.yield(*whole, err) {
			return false
		}
	}
	return true
}

var manifestForm = regexp.MustCompile(`^batches/(\d{12})\.json$`)

// batches are the numbers of the batches whose manifests are there, in order.
func (a *Archive) batches(ctx context.Context) (numbers []int64, err error) {
	for path, err := range a.store.list(ctx, batchesFolder) {
		if err != nil {
			return nil, err
		}
		if number, ok := batchOfManifest(path); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func batchOfManifest(path string) (int64, bool) {
	found := manifestForm.FindStringSubmatch(path)
	if found == nil {
		return 0, false
	}
	number, err := strconv.ParseInt(found[1], 10, 64)
	return number, err == nil && number > 0
}
