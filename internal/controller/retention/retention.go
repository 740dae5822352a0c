// Package retention is the controller that archives settled BillingEvents some time after Stripe created them, and deletes them
// from the cluster then, so that the audit trail outlives etcd.
//
// It observes settled BillingEvents, page by page, once an hour: no cache holds them. It decides which may go (rules.go). It
// writes them to the archive, moves the archive's head (package archivehead), and deletes them, in this order: whatever stops it
// in between, an event is in the cluster, or in the archive, or in both. What is in both is archived once more, and deleted then.
//
//	archive.Append         the batch is written, read back and compared
//	archive.Next           it is in the chain, and has these events
//	archivehead.Swap       no other leader has gone on meanwhile, and the ConfigMap says from when on all events are still there
//	Delete, each event     unless it has changed since it was read
//
// Without an archive (--archive-url=none) the first two are left out. If none is chosen, nothing is deleted: then it only counts,
// and says how large the trail will be.
package retention

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
)

const (
	// interval is the time between two looks at all settled events.
	interval = time.Hour
	// firstPause is the pause after a first error. It doubles up to lastPause.
	firstPause = time.Second
	lastPause  = 10 * time.Minute
	// batchSize is how many events are archived, and then deleted, at a time. They are in memory meanwhile.
	batchSize = 2000
)

// Archive is what the events are written to: *archive.Archive.
type Archive interface {
	Append(ctx context.Context, head archive.Head, events []v1alpha1.BillingEvent) (archive.Head, error)
	Next(ctx context.Context, head archive.Head) (archive.Batch, error)
	Close() error
}

// Retention runs on the leader.
type Retention struct {
	// Client reads Customers from the cache, and deletes. It does not yield by itself: the time would count as that of the request.
	Client client.Client
	// Reader reads from the API server: no cache holds settled events.
	Reader    client.Reader
	Namespace string
	// Rows lists the settled events.
	Rows lister
	Head archivehead.Store
	// Keep is how long events stay after Stripe created them; 0 for ever.
	Keep time.Duration
	// URL is that of the archive; config.ArchiveNone to delete without one; empty to delete nothing.
	URL string
	// Open opens the archive: OpenArchive, except in tests.
	Open func(ctx context.Context, url string) (Archive, error)
	// Yield has a deletion wait while many events are being recorded; nil if none does.
	Yield func(context.Context)
	Clock clock.Clock
	Log   logr.Logger
	// Share, BatchSize and MaxHeld replace the constants if they are not 0, in tests.
	Share     float64
	BatchSize int
	MaxHeld   int

	archive  Archive // nil while it is not open
	pace     *paging.Pacer
	state    phase
	refused  refusals
	lookedAt time.Time
	unused   *look // what the last look has found, if the archive has failed since
	hasSaid  bool  // that the archive can be reached
}

// OpenArchive opens the archive at the URL, and asks its bucket once: opening alone makes no request, and the bucket may not be there.
func OpenArchive(ctx context.Context, url string) (Archive, error) {
	opened, err := archive.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := opened.Reach(ctx); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=get;list;delete
// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=customers,verbs=get;list;watch

// NeedLeaderElection has the manager run it on the leader only.
func (r *Retention) NeedLeaderElection() bool { return true }

// Deletes reports whether events are deleted: they have a time to stay, and an archive, or none is wanted.
func (r *Retention) Deletes() bool { return r.Keep > 0 && r.URL != "" }

// Start looks at the events until ctx ends. It repeats a run that fails, later and later.
func (r *Retention) Start(ctx context.Context) error {
	r.prepare()
	defer r.end()
	for pause := firstPause; ctx.Err() == nil; {
		isMoreLeft, err := r.run(ctx)
		wait := interval
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errBehind): // another leader has gone on; the next run adopts that
			wait = firstPause
		case stops(err):
			r.fail(ctx, err, pause)
			wait, pause = pause, min(2*pause, lastPause)
		default:
			r.succeed(ctx, err)
			pause = firstPause
			if isMoreLeft {
				wait = 0
			}
		}
		select {
		case <-ctx.Done():
		case <-r.Clock.After(wait):
		}
	}
	return nil
}

// stops reports whether the error is another one than that the deletion of some events is refused.
func stops(err error) bool {
	_, isRefused := errors.AsType[*refusedError](err)
	return err != nil && !isRefused
}

func (r *Retention) prepare() {
	share, batch := r.Share, r.BatchSize
	if share == 0 {
		share = paging.DefaultShare
	}
	if batch == 0 {
		r.BatchSize = batchSize
	}
	if r.MaxHeld == 0 {
		r.MaxHeld = maxHeld
	}
	r.refused.most = maxRefused
	r.pace = &paging.Pacer{Clock: r.Clock, Yield: r.Yield, Share: share}
	r.announce()
}

// run looks at all settled events, and archives and deletes those that may go. isMoreLeft is true if others are left that are due.
func (r *Retention) run(ctx context.Context) (isMoreLeft bool, err error) {
	now, before := r.Clock.Now(), time.Time{}
	var state archivehead.State
	var failure error
	if r.Deletes() {
		before = now.Add(-r.Keep).UTC().Truncate(time.Second)
		state, failure = r.adopt(ctx)
	}
	isRecent := now.Sub(r.lookedAt) < interval // a look has a price: an archive that fails needs none
	if failure != nil && isRecent {
		return false, failure
	}
	found := r.unused
	if r.unused = nil; found == nil || !isRecent {
		found, err = lookAt(ctx, r.Rows, r.pace, before, now)
		if err == nil {
			err = r.report(ctx, found, now)
		}
		if err != nil {
			return false, errors.Join(failure, err)
		}
		r.lookedAt = now
	}
	if failure != nil || !r.Deletes() {
		return false, failure
	}
	r.sayReached(state, found, now)
	r.refused.begin()
	gone, isAll, err := r.removeAll(ctx, state, found, before)
	if errors.Is(err, errArchive) {
		r.unused = found
	}
	if err == nil {
		err = r.refused.since(now)
	}
	return gone > 0 && !isAll, err
}

// removeAll archives and deletes the events that the look has found, in batches, the oldest first. isAll is false if it has left some:
// there was no room for them in memory.
func (r *Retention) removeAll(ctx context.Context, state archivehead.State, found *look, before time.Time) (gone int, isAll bool, err error) {
	due, read, err := r.sourceOf(ctx, found)
	if err != nil {
		return 0, false, err
	}
	isAll = found.left == 0 && len(due) == len(found.due)
	for len(due) > 0 {
		n := min(len(due), r.BatchSize)
		events, err := read(ctx, due[:n])
		if err != nil {
			return gone, false, err
		}
		deleted := 0
		state, deleted, err = r.remove(ctx, state, events, before)
		if gone += deleted; err != nil {
			return gone, false, err
		}
		due = due[n:]
	}
	if gone > 0 {
		r.Log.Info("Deleted old events from the cluster", "events", gone, "createdBefore", before, "archive", state.Archive, "batch", state.Head.Batch)
	}
	return gone, isAll, nil
}
