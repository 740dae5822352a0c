package erasure

import (
	"context"
	"errors"
	"fmt"

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
}

// Erase records the erasure in the chain, and takes the customer's personal data out of the archive.
func (b *Bucket) Erase(ctx context.Context, account, customerID string) (err error) {
	opened, err := b.Open(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", archivehead.ErrChain, err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	for range archiveTries {
		var state archivehead.State
		if state, err = b.Head.Load(ctx); err == nil {
			state, err = b.Head.Adopt(ctx, state, opened)
		}
		if errors.Is(err, archivehead.ErrMoved) {
			continue
		} else if err != nil {
			return err
		}
		var head archive.Head
		if head, err = opened.Erase(ctx, state.Head, account, customerID); err == nil {
			err = b.move(ctx, state, head)
		} else if !errors.Is(err, archive.ErrBehind) {
			return fmt.Errorf("%w: %w", archivehead.ErrChain, err)
		}
		if !errors.Is(err, archive.ErrBehind) && !errors.Is(err, archivehead.ErrMoved) {
			return err
		}
	}
	return fmt.Errorf("after %d attempts: %w", archiveTries, err)
}

// Unreached names the archive of the head; empty if no events are in one, as it only records erasures, or if the user has said that it is
// gone (--archive-url=none).
func Unreached(ctx context.Context, store archivehead.Store) (string, error) {
	state, err := store.Load(ctx)
	if err != nil || state.Head.Events == 0 {
		return "", err
	}
	return state.Archive, nil
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
