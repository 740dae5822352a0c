package erasure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
)

// archiveTries bounds how often an erasure begins anew because the retention of events has moved the archive's head meanwhile.
const archiveTries = 5

// Bucket is the archive in a bucket. An erasure is a batch of the archive's chain, so it moves the head, as the retention of events
// does.
//
// The head is what keeps the two apart. The retention loads the head before it reads the events that it archives: if an erasure is
// recorded in between, its batch does not fit, and it reads the events anew, which have no personal data then.
type Bucket struct {
	// Open opens the archive. It is closed after each erasure.
	Open func(context.Context) (*archive.Archive, error)
	Head archivehead.Store
	// Keep is how long events stay in the cluster at least, for a head that was lost.
	Keep  time.Duration
	Clock clock.PassiveClock
}

// Erase records the erasure in the chain, and takes the customer's personal data out of the archive.
func (b *Bucket) Erase(ctx context.Context, account, customerID string) (err error) {
	opened, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	for range archiveTries {
		var state archivehead.State
		if state, err = b.adopt(ctx, opened); err != nil {
			if errors.Is(err, archivehead.ErrMoved) {
				continue
			}
			return err
		}
		var head archive.Head
		if head, err = opened.Erase(ctx, state.Head, account, customerID); err == nil {
			err = b.move(ctx, state, head)
		}
		if !errors.Is(err, archive.ErrBehind) && !errors.Is(err, archivehead.ErrMoved) {
			return err
		}
	}
	return fmt.Errorf("other processes keep moving the head: %w", err)
}

// adopt loads the head, and moves it over batches whose writer was stopped before it moved the head.
func (b *Bucket) adopt(ctx context.Context, opened *archive.Archive) (archivehead.State, error) {
	state, err := b.Head.Load(ctx)
	if err != nil {
		return state, err
	}
	for {
		batch, err := opened.Next(ctx, state.Head)
		if errors.Is(err, io.EOF) {
			return state, nil
		}
		if err != nil {
			return state, err
		}
		next := state
		next.Head, next.Bytes = batch.Head, state.Bytes+batch.Bytes
		if len(batch.Events) > 0 && next.GoneBefore.IsZero() { // the ConfigMap was lost: its events may be gone
			next.GoneBefore = b.Clock.Now().Add(-b.Keep)
		}
		if state, err = b.Head.Swap(ctx, state, next); err != nil {
			return state, err
		}
	}
}

// move notes the head after the erasure.
func (b *Bucket) move(ctx context.Context, state archivehead.State, head archive.Head) error {
	if head == state.Head {
		return nil
	}
	next := state
	next.Head = head
	_, err := b.Head.Swap(ctx, state, next)
	return err
}
