package retention

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// deletions is how many deletions are made at a time, each at the pace of background work: if the API server answers in 4 ms, 250
// events are deleted a second, and if it is busy and answers in 20 ms, fifty.
const deletions = 5

// errBehind says that another leader has archived meanwhile.
var errBehind = errors.New("another process has archived events meanwhile")

// errArchive is the cause of the archive's errors, for the metric.
var errArchive = archivehead.ErrChain

// remove archives those of the events that may go, and deletes those that are archived. state is the archive's head.
func (r *Retention) remove(ctx context.Context, state archivehead.State, due []v1alpha1.BillingEvent, before time.Time) (archivehead.State, int, error) {
	events, err := r.thatMayGo(ctx, due, before)
	if err == nil {
		events, err = r.thatMayBeDeleted(ctx, events)
	}
	if err != nil || len(events) == 0 {
		return state, 0, err
	}
	if r.URL == config.ArchiveNone {
		if state, err = r.swap(ctx, state, func(next *archivehead.State) { next.GoneBefore = before }); err != nil {
			return state, 0, err
		}
		deleted, err := r.delete(ctx, events)
		return state, deleted, err
	}
	if _, err := r.archive.Append(ctx, state.Head, events); errors.Is(err, archive.ErrBehind) {
		return state, 0, errBehind
	} else if err != nil {
		return state, 0, fmt.Errorf("%w: %w", errArchive, err)
	}
	batch, err := r.archive.Next(ctx, state.Head)
	if err != nil {
		return state, 0, fmt.Errorf("%w: %w", errArchive, err)
	}
	if state, err = r.swap(ctx, state, func(next *archivehead.State) {
		next.Head, next.Bytes, next.GoneBefore = batch.Head, next.Bytes+batch.Bytes, before
	}); err != nil {
		return state, 0, err
	}
	metrics.EventsArchived.Add(float64(len(batch.Events)))
	metrics.ArchiveBytes.Set(float64(state.Bytes))
	deleted, err := r.delete(ctx, archivedOf(events, batch))
	return state, deleted, err
}

// archivedOf are those of the events that are in the batch.
func archivedOf(events []v1alpha1.BillingEvent, batch archive.Batch) []v1alpha1.BillingEvent {
	archived := make(map[types.UID]bool, len(batch.Events))
	for _, ref := range batch.Events {
		archived[ref.UID] = true
	}
	var found []v1alpha1.BillingEvent
	for i := range events {
		if archived[events[i].UID] {
			found = append(found, events[i])
		}
	}
	return found
}

// adopt opens the archive, and moves the head over the batches that a writer has left behind it: it was stopped before it moved the
// head, or the ConfigMap is lost. It deletes nothing: the next look finds the events of these batches.
func (r *Retention) adopt(ctx context.Context) (archivehead.State, error) {
	state, err := r.Head.Load(ctx)
	if err != nil || r.URL == config.ArchiveNone {
		return state, err
	}
	if r.archive == nil {
		if r.archive, err = r.Open(ctx, r.URL); err != nil {
			r.archive = nil
			return state, fmt.Errorf("%w: %w", errArchive, err)
		}
	}
	adopted, err := r.Head.Adopt(ctx, state, r.archive)
	if n := adopted.Head.Batch - state.Head.Batch; n > 0 {
		r.Log.Info("Found batches in the archive that the head did not know", "batches", n, "batch", adopted.Head.Batch)
	}
	metrics.ArchiveBytes.Set(float64(adopted.Bytes))
	if errors.Is(err, archivehead.ErrMoved) {
		return adopted, errBehind
	}
	return adopted, err
}

// swap moves the head.
func (r *Retention) swap(ctx context.Context, state archivehead.State, change func(*archivehead.State)) (archivehead.State, error) {
	next := state
	next.Archive = archiveName(r.URL)
	change(&next)
	moved, err := r.Head.Swap(ctx, state, next)
	if errors.Is(err, archivehead.ErrMoved) {
		return state, errBehind
	}
	if err != nil {
		return state, err
	}
	return moved, nil
}

// archiveName is the URL without what may be secret; empty without an archive.
func archiveName(location string) string {
	if location == config.ArchiveNone {
		return ""
	}
	return archive.Shown(location)
}

// thatMayGo are those of the events that may go. The rows do not show all that the rules ask for.
func (r *Retention) thatMayGo(ctx context.Context, events []v1alpha1.BillingEvent, before time.Time) ([]v1alpha1.BillingEvent, error) {
	var going []v1alpha1.BillingEvent
	for i := range events {
		if whyKept(&events[i], before, r.Clock.Now(), nil) != "" {
			continue // whatever its Customer shows: that need not be read
		}
		open, err := r.openDisputes(ctx, &events[i])
		if err != nil {
			return nil, err
		}
		if whyKept(&events[i], before, r.Clock.Now(), open) == "" {
			going = append(going, events[i])
		}
	}
	return going, nil
}

// openDisputes are those of the event's Customer, if the event can be about one.
func (r *Retention) openDisputes(ctx context.Context, e *v1alpha1.BillingEvent) ([]v1alpha1.Dispute, error) {
	if !mayBeOfCase(e.Content()) || e.CustomerID() == "" {
		return nil, nil
	}
	var c v1alpha1.Customer
	key := client.ObjectKey{Namespace: r.Namespace, Name: naming.Object(e.Spec.Account, e.CustomerID())}
	if err := r.Client.Get(ctx, key, &c); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get Customer %s: %w", key.Name, err)
	}
	return c.Status.OpenDisputes, nil
}

// delete deletes the events that have not changed since they were read, several at a time: the API server waits for its disk
// most of the time that a deletion takes. An event whose deletion is refused holds up no other.
func (r *Retention) delete(ctx context.Context, events []v1alpha1.BillingEvent) (int, error) {
	var deleted atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for worker := range deletions {
		group.Go(func() error {
			for i := worker; i < len(events); i += deletions {
				if err := r.paced(ctx, &events[i], &deleted); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return int(deleted.Load()), err
}

// paced deletes the event when the pace allows it, and counts it.
func (r *Retention) paced(ctx context.Context, e *v1alpha1.BillingEvent, deleted *atomic.Int64) (err error) {
	isDeleted := false
	if ended := r.pace.Write(ctx, func() { isDeleted, err = r.deleteOne(ctx, e) }); ended != nil {
		return ended
	}
	if apirejection.Is(err) {
		r.refused.add(e, err, r.Clock.Now())
		return nil
	}
	if isDeleted {
		deleted.Add(1)
		metrics.EventsDeleted.Inc()
	}
	return err
}

// deleteOne deletes the event, and reports whether it did: an event that is gone or has changed is left to the next look.
func (r *Retention) deleteOne(ctx context.Context, e *v1alpha1.BillingEvent, options ...client.DeleteOption) (bool, error) {
	uid, version := e.UID, e.ResourceVersion
	err := r.Client.Delete(ctx, e.DeepCopy(), append(options, client.Preconditions{UID: &uid, ResourceVersion: &version})...)
	switch {
	case apirejection.Is(err): // with any code: first of all
		return false, fmt.Errorf("BillingEvent %s: %w", e.Name, apirejection.Hide("it", err))
	case apierrors.IsForbidden(err):
		return false, fmt.Errorf("%w: %w", errForbidden, err)
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("delete BillingEvent %s: %w", e.Name, err)
	default:
		return true, nil
	}
}
